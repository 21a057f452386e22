"""BAD_INPUT.md, part C: the number of the row is the id of the case."""

from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from store.ingest import IngestError, IngestLimits, IngestOptions
from store.ingest.decode import decode
from tests.store.ingest.conftest import CSV, ZIP
from tests.store.ingest.images import zip_bytes as made
from tests.store.ingest.images.picture import archive, encoded, huge_png, noise, picture, png
from tests.store.ingest.images.zip_bytes import Raw, raw_archive

PNG = png()
GOOD = archive({"a/1.png": png(), "b/2.png": png(seed=1)})


@dataclass(frozen=True)
class Refused:
    """``problem``: what the first problem says, beside its detail."""

    content: bytes
    code: str
    problem: dict = field(default_factory=dict)
    status: int = 422
    media_type: str = ZIP
    options: dict = field(default_factory=dict)


def named(name: str | bytes, **fields) -> bytes:
    """An archive with an entry of this name behind a good one."""
    written = name.encode() if isinstance(name, str) else name
    return raw_archive([Raw(b"a/1.png", PNG), Raw(written, png(seed=1), **fields)])


def holding(data: bytes, name: str = "a/2.png") -> bytes:
    """An archive with such an entry behind a good one."""
    return archive({"a/1.png": PNG, name: data})


def labelled(table: str, *, names: tuple[str, ...] = ("1.png", "2.png")) -> bytes:
    return archive({"labels.csv": table, **{name: png(seed=seed) for seed, name in enumerate(names)}})


def flagged(flags: int) -> bytes:
    return raw_archive([Raw(b"a/1.png", PNG), Raw(b"a/2.png", PNG, flags=flags)])


UNSAFE = ("../x.png", "/abs.png", "C:\\x.png", "c:x.png", "a\\..\\b.png", "a/../b.png", "a/./b.png", "a//b.png", "a/b\0.png",
          "a/\u202egnp.exe", "a/b\n.png", "..", "\\\\server\\x.png", "a/" + "n" * 1100 + ".png", "__MACOSX/../x.png")  # fmt: skip
REFUSED = {
    **{f"38-{index}": Refused(named(name), "unsafe-entry-name", {"entry": name[-64:]}) for index, name in enumerate(UNSAFE)},
    "38-overlong": Refused(named(b"a/\xc0\xae\xc0\xae/x.png", flags=0x800), "unsafe-entry-name"),
    "38-folder": Refused(named("../"), "unsafe-entry-name"),
    "39-link": Refused(named("a/2.png", mode=made.LINK), "unsafe-entry-type", {"entry": "a/2.png"}),
    "39-pipe": Refused(named("a/2.png", mode=made.PIPE), "unsafe-entry-type"),
    "39-device": Refused(named("a/2.png", mode=made.DEVICE), "unsafe-entry-type"),
    "39-hidden-link": Refused(named("a/.x", mode=made.LINK), "unsafe-entry-type"),
    "39-linked-folder": Refused(named("a/", mode=made.LINK), "unsafe-entry-type"),
    "40-ratio": Refused(raw_archive([Raw(b"a/1.png", bytes(20_000_000))]), "archive-too-large", {"limit": 100}),
    "40-entry": Refused(
        raw_archive([Raw(b"a/1.png", PNG, size=65 * 1024**2)]), "archive-too-large", {"entry": "a/1.png", "limit": 64 * 1024**2}
    ),
    "40-total": Refused(
        raw_archive([Raw(b"a/%d.png" % i, noise(700, 1000).tobytes(), size=64 * 1024**2, method=0) for i in range(3)]),
        "archive-too-large", {"limit": 150 * 1024**2, "actual": 192 * 1024**2},
    ),
    "40-nested": Refused(holding(GOOD), "archive-too-large", {"entry": "a/2.png"}),
    "40-overlap": Refused(made.overlapping(PNG), "archive-too-large"),
    "40-quoted-overlap": Refused(made.quoted_overlap(PNG), "archive-too-large"),
    "40-entries": Refused(made.crowded(1_000_000), "archive-too-large", {"limit": 200_000, "actual": 1_000_000}),
    "40-directory": Refused(GOOD[:-10] + b"\xff\xff\xff\x7f" + GOOD[-6:], "archive-too-large", {"limit": 64 * 1024**2}),
    "40-lying-sizes": Refused(raw_archive([Raw(b"a/1.png", bytes(900_000), size=90)]), "archive-too-large", {"limit": 90}),
    "40-lying-more": Refused(raw_archive([Raw(b"a/1.png", PNG, size=900_000)]), "archive-corrupt", {"entry": "a/1.png"}),
    "41-same": Refused(named("a/1.png"), "duplicate-entry", {"entry": "a/1.png"}),
    "41-case": Refused(named("A/1.PNG"), "duplicate-entry"),
    "41-composed": Refused(
        raw_archive([Raw("a/é.png".encode(), PNG), Raw("a/e\u0301.png".encode(), PNG)]), "duplicate-entry"
    ),
    "42-encrypted": Refused(flagged(0x0001), "archive-corrupt", {"entry": "a/2.png"}),
    "42-strong": Refused(flagged(0x2041), "archive-corrupt"),
    "42-method": Refused(named("a/2.png", method=99), "archive-corrupt"),
    "42-zip64": Refused(raw_archive([Raw(b"a/1.png", PNG)], wide=True).replace(b"PK\6\6", b"PK\6\0"), "archive-corrupt"),
    "42-zip64-place": Refused(raw_archive([Raw(b"a/1.png", PNG)], wide=True).replace(b"PK\6\7", b"PK\7\7"), "archive-corrupt"),
    "42-prefix": Refused(b"#!/bin/sh\n" + GOOD, "archive-corrupt"),
    "42-prefix-moved": Refused(raw_archive([Raw(b"a/1.png", PNG)], prefix=b"junk"), "archive-corrupt"),
    "42-suffix": Refused(GOOD + b"junk", "archive-corrupt"),
    "42-cut": Refused(GOOD[:-30], "archive-corrupt"),
    "42-directory": Refused(GOOD.replace(b"PK\1\2", b"PK\1\3"), "archive-corrupt"),
    "42-count": Refused(GOOD[:-14] + b"\3\0\3\0" + GOOD[-10:], "archive-corrupt"),
    "42-fewer": Refused(GOOD[:-14] + b"\1\0\1\0" + GOOD[-10:], "archive-corrupt"),
    "42-parts": Refused(GOOD[:-18] + b"\1\0" + GOOD[-16:], "archive-corrupt"),
    "42-checksum": Refused(named("a/2.png", checksum=7), "archive-corrupt", {"entry": "a/2.png"}),
    "42-other-header": Refused(named("a/2.png", local_name=b"a/3.png"), "archive-corrupt"),
    "42-no-header": Refused(GOOD.replace(b"PK\3\4", b"PK\3\5").replace(b"PK\3\5", b"PK\3\4", 1), "archive-corrupt"),
    "42-stream": Refused(raw_archive([Raw(b"a/1.png", PNG)]).replace(Raw(b"", PNG).packed[:9], b"\xff" * 9), "archive-corrupt"),
    "42-no-bytes": Refused(b"", "empty-file"),
    "42-no-entry": Refused(archive({}), "no-rows"),
    "42-no-image": Refused(archive({"a/": b"", "__MACOSX/x.png": PNG}), "no-rows"),
    "42-other-bytes": Refused(b"a,b\n1,2\n", "content-mismatch", status=415),
    "42-parquet": Refused(b"PAR1" + bytes(40), "content-mismatch", status=415),
    "42-as-csv": Refused(GOOD, "content-mismatch", status=415, media_type=CSV),
    "43-png": Refused(holding(png(seed=1)[:-20]), "image-corrupt", {"entry": "a/2.png"}),
    "43-pixels": Refused(holding(png(40, 40).replace(b"IDAT", b"IDBT")), "image-corrupt", {"entry": "a/2.png"}),
    "43-late": Refused(holding(encoded(picture(noise(6, 5)), "BMP")[:-7]), "image-corrupt", {"entry": "a/2.png"}),
    "43-jpeg": Refused(holding(encoded(picture(noise(64, 64)), "JPEG")[:-300]), "image-corrupt"),
    "44": Refused(holding(huge_png()), "image-too-large", {"entry": "a/2.png"}),
    "44-kept": Refused(archive({"a/1.png": png(600, 600)}), "image-too-large", {"limit": 512, "actual": 600}),
    "44-asked": Refused(GOOD, "out-of-range", {"option": "image_size"}, options={"image_size": (28, 513)}),
    "45-gif": Refused(holding(encoded(picture(noise(6, 5)), "GIF")), "image-format-not-allowed", {"entry": "a/2.png"}),
    "45-tiff": Refused(holding(encoded(picture(noise(6, 5)), "TIFF")), "image-format-not-allowed"),
    "45-eps": Refused(holding(encoded(picture(noise(6, 5)), "EPS")), "image-format-not-allowed"),
    "45-svg": Refused(holding(b"<svg/>"), "image-format-not-allowed"),
    "45-polyglot": Refused(holding(PNG + GOOD), "image-format-not-allowed"),
    "45-text": Refused(holding(b"about these pictures", "README.txt"), "image-format-not-allowed", {"entry": "README.txt"}),
    "47": Refused(holding(png(1, 1)), "image-too-small", {"entry": "a/2.png"}),
    "47-asked": Refused(GOOD, "out-of-range", {"option": "image_size"}, options={"image_size": (3, 28)}),
    "48-missing": Refused(labelled("file,y\n1.png,a\n"), "label-mismatch", {"entry": "2.png"}),
    "48-extra": Refused(labelled("file,y\n1.png,a\n2.png,b\n3.png,c\n"), "label-mismatch", {"row": 3, "actual": "3.png"}),
    "48-path": Refused(labelled("file,y\n1.png,a\n../2.png,b\n"), "label-mismatch", {"row": 2, "actual": "../2.png"}),
    "48-twice": Refused(labelled("file,y\n1.png,a\n2.png,b\n1.png,c\n"), "label-mismatch", {"row": 3, "actual": "1.png"}),
    "48-no-file": Refused(labelled("name,y\n1.png,a\n2.png,b\n"), "label-mismatch", {"entry": "labels.csv"}),
    "48-no-name": Refused(labelled("file,y\n1.png,a\n,b\n2.png,c\n"), "label-mismatch", {"row": 2}),
    "48-no-label": Refused(labelled("file\n1.png\n2.png\n"), "label-mismatch"),
    "48-two-tables": Refused(
        archive({"labels.csv": "file,y\n1.png,a\n", "b/labels.csv": "file,y\n", "1.png": PNG}), "label-mismatch"
    ),
    "48-neither": Refused(archive({"a/1.png": PNG, "2.png": PNG}), "label-mismatch", {"entry": "2.png"}),
    "48-many": Refused(labelled("file,y\n" + "3.png,c\n" * 1000), "label-mismatch", {"row": 1, "actual": "3.png"}),
    "48-header": Refused(labelled("file,y\n"), "label-mismatch"),
    "48-ragged": Refused(labelled("file,y\n1.png\n"), "ragged-row", {"row": 1, "entry": "labels.csv"}),
    "48-empty": Refused(labelled(""), "empty-file", {"entry": "labels.csv"}),
    "48-image": Refused(labelled("file,image\n1.png,a\n2.png,b\n"), "duplicate-column", {"column": "image"}),
    "48-number": Refused(
        labelled("file,y\n1.png,1\n2.png,b\n"), "not-numeric", {"row": 2, "column": "y"}, options={"types": {"y": "number"}}
    ),
    "48-unknown-type": Refused(GOOD, "unknown-column", {"column": "y"}, options={"types": {"y": "number"}}),
    "48-type-of-image": Refused(GOOD, "unknown-value", {"column": "image"}, options={"types": {"image": "text"}}),
}  # fmt: skip
TIGHT = IngestLimits(decoded_bytes=150 * 1024**2, threads=1)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_an_archive_that_is_wrong_is_refused_with_the_place(tmp_path, case):
    source, target = tmp_path / "upload", tmp_path / "target"
    source.write_bytes(case.content)
    with pytest.raises(IngestError) as refusal:
        decode(
            source,
            media_type=case.media_type,
            options=IngestOptions(**case.options).checked(),
            target=target,
            limits=TIGHT,
        )
    first = refusal.value.problems[0]
    assert (refusal.value.status, first["code"]) == (case.status, case.code)
    assert {key: first.get(key) for key in case.problem} == case.problem
    assert str(tmp_path) not in str(refusal.value)
    assert not target.with_name("target.text").exists()


CHANGED = archive({"labels.csv": "file,y\n1.png,a\n2.png,b\n", "1.png": png(), "2.png": png(channels=3)})


@given(place=some.integers(0, 10_000), mask=some.integers(1, 255), size=some.integers(1, 4))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_archive_with_any_bytes_changed_is_refused_or_is_a_dataset(tmp_path, place, mask, size):
    content = bytearray(CHANGED)
    for i in range(place % len(content), min(place % len(content) + size, len(content))):
        content[i] ^= mask
    source = tmp_path / "upload"
    source.write_bytes(content)
    with suppress(IngestError):
        decode(source, media_type=ZIP, options=IngestOptions(), target=tmp_path / "target", limits=TIGHT)
