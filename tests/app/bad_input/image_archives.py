"""Part C: zip archives of images (rows 38 to 48); tests/store/ingest/images/test_bad_archives.py has each of them in more ways."""

from typing import Any

from PIL import Image

from tests.app.bad_input.case import Case, Check, Send, both, types, warns
from tests.store.ingest.images import zip_bytes as made
from tests.store.ingest.images.picture import archive, encoded, huge_png, noise, picture, png
from tests.store.ingest.images.zip_bytes import Raw, raw_archive

ZIP = {"Content-Type": "application/zip"}
PNG = png(8, 8)
GOOD = archive({"a/1.png": PNG, "a/2.png": png(8, 8, seed=1), "b/3.png": png(8, 8, seed=2)})


def images(content: bytes, **params: str) -> Send:
    return lambda world: world.tenant.client.post("/v1/datasets", content=content, headers=ZIP, params=params)


def named(name: bytes, **fields: Any) -> Send:
    """An archive with an entry of this name behind a good one."""
    return images(raw_archive([Raw(b"a/1.png", PNG), Raw(name, png(8, 8, seed=1), **fields)]))


def holding(data: bytes) -> Send:
    """An archive with such an image behind a good one."""
    return images(archive({"a/1.png": PNG, "a/2.png": data}))


def labelled(table: str) -> Send:
    return images(archive({"labels.csv": table, "1.png": PNG, "2.png": png(8, 8, seed=1)}))


def pictures(height: int, width: int, channels: int) -> Check:
    def check(answer: dict[str, Any]) -> None:
        column = answer["columns"][0]
        assert [column[key] for key in ("name", "height", "width", "channels")] == ["image", height, width, channels]

    return check


UNSAFE = {
    "up": b"../x.png",
    "absolute": b"/abs.png",
    "drive": b"C:\\x.png",
    "backslash": b"a\\..\\b.png",
    "nul": b"a/b\0.png",
}
FOREIGN = {
    "gif": encoded(picture(noise(8, 8)), "GIF"),
    "tiff": encoded(picture(noise(8, 8)), "TIFF"),
    "eps": encoded(picture(noise(8, 8)), "EPS"),
    "svg": b"<svg/>",
    "polyglot": PNG + b"<script>",
}
GREY = picture(noise(8, 8))
MODES = {
    "P": (picture(noise(8, 8, 3)).quantize(8), 3),
    "LA": (GREY.convert("LA"), 1),
    "RGBA": (picture(noise(8, 8, 3)).convert("RGBA"), 3),
    "1": (GREY.convert("1"), 1),
    "I;16": (GREY.convert("I").convert("I;16"), 1),
}
ON_ITS_SIDE = Image.Exif()
ON_ITS_SIDE[0x0112] = 6

CASES = [
    *(Case(38, name, named(entry), 422, "unsafe-entry-name") for name, entry in UNSAFE.items()),
    Case(38, "overlong-utf-8", named(b"a/\xc0\xae\xc0\xae/x.png", flags=0x800), 422, "unsafe-entry-name"),
    Case(39, "link", named(b"a/2.png", mode=made.LINK), 422, "unsafe-entry-type"),
    Case(39, "device", named(b"a/2.png", mode=made.DEVICE), 422, "unsafe-entry-type"),
    Case(40, "ratio", images(raw_archive([Raw(b"a/1.png", bytes(20_000_000))])), 422, "archive-too-large"),
    Case(40, "nested", holding(GOOD), 422, "archive-too-large"),
    Case(40, "overlap", images(made.quoted_overlap(PNG)), 422, "archive-too-large"),
    Case(40, "entries", images(made.crowded(1_000_000)), 422, "archive-too-large"),
    Case(40, "lying-sizes", images(raw_archive([Raw(b"a/1.png", bytes(900_000), size=90)])), 422, "archive-too-large"),
    Case(41, "same", named(b"a/1.png"), 422, "duplicate-entry"),
    Case(41, "case", named(b"A/1.PNG"), 422, "duplicate-entry"),
    Case(
        41,
        "junk",
        images(archive({"a/1.png": PNG, "b/1.png": PNG, "__MACOSX/a/._1.png": b"x", "a/.DS_Store": b"x"})),
        201,
        check=warns("ignored-entries"),
    ),
    Case(42, "encrypted", named(b"a/2.png", flags=1), 422, "archive-corrupt"),
    Case(
        42,
        "zip64",
        images(raw_archive([Raw(b"a/1.png", PNG)], wide=True).replace(b"PK\6\6", b"PK\6\0")),
        422,
        "archive-corrupt",
    ),
    Case(42, "prefix", images(b"#!/bin/sh\n" + GOOD), 422, "archive-corrupt"),
    Case(42, "cut", images(GOOD[:-30]), 422, "archive-corrupt"),
    Case(43, "png", holding(PNG[:-20]), 422, "image-corrupt", check=lambda answer: entry(answer, "a/2.png")),
    Case(43, "jpeg", holding(encoded(picture(noise(64, 64)), "JPEG")[:-300]), 422, "image-corrupt"),
    Case(44, "", holding(huge_png()), 422, "image-too-large"),
    *(Case(45, name, holding(data), 422, "image-format-not-allowed") for name, data in FOREIGN.items()),
    *(
        Case(46, name, images(archive({"a/1.png": encoded(image)})), 201, check=pictures(8, 8, channels))
        for name, (image, channels) in MODES.items()
    ),
    Case(46, "CMYK", images(archive({"a/1.jpg": encoded(picture(noise(8, 8, 3)).convert("CMYK"), "JPEG")})), 201,
         check=pictures(8, 8, 3)),
    Case(46, "turned", images(archive({"a/1.png": encoded(picture(noise(8, 12)), exif=ON_ITS_SIDE)})), 201,
         check=pictures(12, 8, 1)),
    Case(47, "one-pixel", holding(png(1, 1)), 422, "image-too-small"),
    Case(47, "mixed", holding(png(10, 12)), 201, check=both(pictures(8, 8, 1), warns("mixed-sizes"))),
    Case(47, "asked", images(GOOD, image_size="32x24"), 201, check=pictures(24, 32, 1)),
    Case(48, "missing", labelled("file,y\n1.png,a\n"), 422, "label-mismatch"),
    Case(48, "unknown", labelled("file,y\n1.png,a\n2.png,b\n3.png,c\n"), 422, "label-mismatch"),
    Case(48, "twice", labelled("file,y\n1.png,a\n2.png,b\n1.png,a\n"), 422, "label-mismatch"),
    Case(48, "good", labelled("file,y,age\n2.png,a,3\n1.png,b,4\n"), 201, check=types(image="image", y="category", age="number")),
]  # fmt: skip


def entry(answer: dict[str, Any], name: str) -> None:
    assert answer["errors"][0]["entry"] == name
