"""An archive that is sound becomes rows of pictures and labels, as documented."""

import random
import subprocess
import sys
import zipfile
from itertools import pairwise

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from store.ingest.images.column import image_shapes, pixels_of
from tests.store.ingest.conftest import ZIP
from tests.store.ingest.images.picture import archive, encoded, noise, picture, png
from tests.store.ingest.images.zip_bytes import Raw, raw_archive

FOLDERS = {"pets/cat/1.png": png(seed=1), "pets/cat/2.png": png(seed=2), "pets/dog/1.png": png(seed=3)}


def stored(upload) -> dict[str, list]:
    """The columns of what was decoded, pictures as arrays."""
    table = pq.read_table(upload.target)
    shape = image_shapes(table.schema)["image"]
    return table.to_pydict() | {"image": [pixels_of(cell, shape) for cell in table["image"].to_pylist()]}


def codes(description) -> list[str]:
    return [warning["code"] for warning in description["warnings"]]


def test_a_folder_for_each_class_gives_pictures_and_labels_by_name(upload):
    described = upload(archive(FOLDERS), ZIP)
    assert described["rows"] == 3
    image, label = described["columns"]
    assert image == {
        "name": "image",
        "type": "image",
        "missing": 0,
        "distinct": 3,
        "height": 6,
        "width": 5,
        "channels": 1,
    }
    assert label == {"name": "label", "type": "category", "missing": 0, "distinct": 2, "top": ["cat", "dog"]}
    assert described["warnings"] == []
    found = stored(upload)
    assert found["label"] == ["cat", "cat", "dog"]
    assert all((one == noise(6, 5, seed=seed)).all() for one, seed in zip(found["image"], (1, 2, 3), strict=True))


def test_the_same_files_in_another_order_packed_otherwise_are_the_same_bytes(upload):
    upload(archive(FOLDERS), ZIP)
    first = upload.target.read_bytes()
    names = list(FOLDERS)
    random.Random(1).shuffle(names)
    upload(archive({"pets/": b""} | {name: FOLDERS[name] for name in names}, method=zipfile.ZIP_DEFLATED), ZIP)
    assert upload.target.read_bytes() == first


CLASSES = {
    "one folder": (["cat/1", "cat/2"], ["cat", "cat"]),
    "two depths": (["cat/1", "cat/big/2"], ["cat", "cat/big"]),
    "deep": (["x/greek/alpha/1", "x/greek/beta/1", "x/latin/a/1"], ["greek/alpha", "greek/beta", "latin/a"]),
    "deep and one only": (["x/y/1", "x/y/2"], ["y", "y"]),
    "digits": (["7/1", "07/1"], ["07", "7"]),
    "words": (["a class with quite a long name of words/1", "b/1"], ["a class with quite a long name of words", "b"]),
}


@pytest.mark.parametrize(("names", "labels"), CLASSES.values(), ids=CLASSES.keys())
def test_a_class_is_the_path_below_what_all_pictures_share(upload, names, labels):
    described = upload(archive({f"{name}.png": png(seed=seed) for seed, name in enumerate(names)}), ZIP)
    assert stored(upload)["label"] == labels
    assert described["columns"][1]["type"] == "category"


def test_folders_may_be_declared_to_be_numbers(upload):
    described = upload(archive({"8/1.png": png(), "12/2.png": png(seed=1)}), ZIP, types={"label": "number"})
    assert described["columns"][1]["type"] == "number"
    assert stored(upload)["label"] == [12.0, 8.0]


TABLE = "file,breed,age,note\nb.png,pug,3,yes\na.png,tabby,,no\n"


@pytest.mark.parametrize("base", ["", "pets/", "deep/pets/"])
def test_a_table_of_labels_gives_columns_in_its_own_order(upload, base):
    files: dict[str, bytes | str] = {
        f"{base}labels.csv": TABLE,
        f"{base}a.png": png(seed=1),
        f"{base}b.png": png(seed=2),
    }
    described = upload(archive(files), ZIP)
    assert [(column["name"], column["type"]) for column in described["columns"]] == [
        ("image", "image"), ("breed", "category"), ("age", "number"), ("note", "boolean")
    ]  # fmt: skip
    found = stored(upload)
    assert (found["breed"], found["age"], found["note"]) == (["pug", "tabby"], [3.0, None], [True, False])
    assert (found["image"][0] == noise(6, 5, seed=2)).all()


def test_the_files_of_a_table_may_lie_in_folders_and_its_cells_be_written_otherwise(upload):
    table = "\ufefffile;age;zip\nx/a.png;1,5;01\n\u00e9.png;2,5;02\n"
    files: dict[str, bytes | str] = {"labels.csv": table, "x/a.png": png(seed=1), "e\u0301.png": png(seed=2)}
    described = upload(archive(files), ZIP, delimiter=";", decimal=",", types={"zip": "number"}, nulls=("2,5",))
    assert [column["type"] for column in described["columns"]] == ["image", "number", "number"]
    assert stored(upload)["age"] == [1.5, None]
    assert codes(described)[0] == "rounded-numbers"


def test_what_a_table_is_warned_of_is_told_at_its_column(upload):
    rows = [f"{i}.png,{'x' if i == 39 else i}" for i in range(40)]
    files = {"labels.csv": "\n".join(["file,y", *rows])} | {f"{i}.png": png(seed=i) for i in range(40)}
    described = upload(archive(files), ZIP)
    assert [(one["code"], one["pointer"]) for one in described["warnings"]] == [("mixed-types", "/columns/1")]


def test_labels_are_typed_by_all_rows_however_many_batches_there_are(upload):
    rows = 9_000
    table = "\n".join(["file,y", *(f"{i}.png,{i}" for i in range(rows - 1)), f"{rows - 1}.png,x"])
    same = png()
    described = upload(archive({"labels.csv": table} | {f"{i}.png": same for i in range(rows)}), ZIP)
    assert (described["rows"], described["columns"][1]["type"], described["columns"][1]["distinct"]) == (
        rows,
        "category",
        rows,
    )
    assert stored(upload)["y"][:2] + stored(upload)["y"][-1:] == ["0", "1", "x"]


def test_hidden_files_and_those_of_a_system_are_left_out_and_counted(upload):
    junk = ("__MACOSX/pets/cat/._1.png", ".DS_Store", "pets/.hidden/x.png", "pets/cat/Thumbs.db", "pets/desktop.ini")
    described = upload(archive(FOLDERS | dict.fromkeys(junk, b"junk")), ZIP)
    assert described["rows"] == 3
    assert [(one["code"], one["detail"][:2]) for one in described["warnings"]] == [("ignored-entries", "5 ")]


def test_equal_sizes_are_kept_and_others_brought_to_the_median(upload):
    sizes = [(10, 20), (10, 20), (40, 8), (12, 22), (9, 21)]
    files = {f"a/{i}.png": png(height, width, seed=i) for i, (height, width) in enumerate(sizes)}
    described = upload(archive(files), ZIP)
    assert (described["columns"][0]["height"], described["columns"][0]["width"]) == (10, 20)
    assert [one["code"] for one in described["warnings"]] == ["mixed-sizes", "constant-column"]
    assert "4 sizes" in described["warnings"][0]["detail"]
    assert (stored(upload)["image"][0] == noise(10, 20, seed=0)).all()


def test_one_size_can_be_asked_for(upload):
    described = upload(archive({"a/1.png": png(700, 30), "a/2.png": png(40, 9, 3)}), ZIP, image_size=(24, 32))
    assert [described["columns"][0][key] for key in ("height", "width", "channels")] == [24, 32, 3]
    assert "mixed-sizes" not in codes(described)


def test_pictures_are_grey_only_when_all_of_them_are(upload):
    grey, colour = picture(noise(6, 5)), picture(noise(6, 5, 3))
    upload(
        archive({"a/1.png": encoded(grey), "a/2.png": encoded(grey.convert("1")), "a/3.jpg": encoded(grey, "JPEG")}),
        ZIP,
    )
    assert stored(upload)["image"][0].shape == (6, 5, 1)
    upload(archive({"a/1.png": encoded(grey), "a/2.webp": encoded(colour, "WEBP", lossless=True)}), ZIP)
    first, second = stored(upload)["image"]
    assert (first == np.repeat(noise(6, 5), 3, axis=2)).all()
    assert (second == noise(6, 5, 3)).all()


def test_a_rotated_photograph_counts_by_the_sides_that_are_seen(upload):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(picture(noise(5, 6)), "PNG", exif=exif)
    described = upload(archive({"a/1.png": png(6, 5), "a/2.png": turned}), ZIP)
    assert (described["columns"][0]["height"], described["columns"][0]["width"]) == (6, 5)
    assert (stored(upload)["image"][1] == np.rot90(noise(5, 6), -1)).all()


def test_a_format_is_told_by_the_content_and_not_by_the_name(upload):
    described = upload(archive({"a/1.gif": png(), "a/2": encoded(picture(noise(6, 5)), "BMP")}), ZIP)
    assert described["rows"] == 2


def test_names_without_an_encoding_are_utf8_where_they_can_be(upload):
    upload(raw_archive([Raw("é/1.png".encode(), png()), Raw(b"\x81/1.png", png(seed=1))]), ZIP)
    assert stored(upload)["label"] == ["é", "ü"]


def test_an_archive_with_a_zip64_record_is_read(upload):
    assert upload(raw_archive([Raw(b"a/1.png", png())], wide=True), ZIP)["rows"] == 1


def test_pictures_that_repeat_with_their_labels_are_duplicate_rows(upload):
    described = upload(archive({"a/1.png": png(), "a/2.png": png(), "b/1.png": png()}), ZIP)
    assert described["columns"][0]["distinct"] == 1
    assert "duplicate-rows" in codes(described)


MEASURE = """
import resource, sys
from pathlib import Path
from store.ingest import IngestLimits, IngestOptions
from store.ingest.decode import decode

*files, target = map(Path, sys.argv[1:])
for file in files:
    decode(file, media_type="application/zip", options=IngestOptions(), target=target, limits=IngestLimits(threads=1))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_memory_holds_a_stretch_of_the_pictures_and_not_all_of_them(tmp_path):
    """180 MB of pixels pass through a process that grows by less than a third of them."""
    same = encoded(picture(np.zeros((300, 300, 3), np.uint8)))
    paths = [tmp_path / f"{count}.zip" for count in (120, 680)]
    for path, count in zip(paths, (120, 680), strict=True):
        path.write_bytes(archive({f"a/{i}.png": same for i in range(count)}))
    command = [sys.executable, "-c", MEASURE, *map(str, [*paths, tmp_path / "target"])]
    peaks = list(map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()))
    assert all(after - before < 680 * 270_000 / 3 for before, after in pairwise(peaks))
