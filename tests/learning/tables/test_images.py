"""A stored column of images: its shape, and what tells two images apart."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learning.errors import LearningError
from learning.tables.hashing import fingerprint
from learning.tables.table import Table
from tests.learning.canonical import packed, written


def pictures(count=20, shape=(5, 7, 3), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def stored(folder, images, *, name="ds_1", **options):
    columns = {"image": ("image", images), "label": ("category", ["a", "b"] * (len(images) // 2))}
    return written(folder, columns, name=name, **options)


def test_the_shape_is_told_as_convolutions_read_it(tmp_path):
    table = stored(tmp_path, pictures())
    assert dict(table.types) == {"image": "image", "label": "category"}
    assert dict(table.images) == {"image": (3, 5, 7)}
    assert dict(table.kinds) == {"image": "image of 5 × 7 × 3", "label": "category"}


@pytest.mark.parametrize("told", [{}, {"height": "5", "width": "7"}, {"height": "five", "width": "7", "channels": "3"},
                                  {"height": "5", "width": "7", "channels": "1"}])  # fmt: skip
def test_a_field_that_does_not_say_its_shape_is_not_canonical(tmp_path, told):
    field = pa.field("image", pa.binary(105), metadata={"type": "image", **told})
    pq.write_table(pa.table([packed(pictures())], schema=pa.schema([field])), tmp_path / "t.parquet")
    with pytest.raises(LearningError, match="image"):
        _ = Table("ds_1", tmp_path / "t.parquet").images


def test_rows_have_equal_hashes_exactly_when_their_images_are_equal(tmp_path):
    images = pictures()
    images[4] = images[2]  # of one label, too
    rows = fingerprint(stored(tmp_path, images).path).rows
    assert rows[4] == rows[2]
    assert len(set(rows.tolist())) == len(images) - 1


def test_one_pixel_and_its_place_tell_images_apart(tmp_path):
    images = np.zeros((20, 5, 7, 3), np.uint8)
    for row in range(20):
        images[row].ravel()[row * 5] = 1
    assert len(set(fingerprint(stored(tmp_path, images).path).rows.tolist())) == 20


def test_the_layout_of_the_file_changes_no_hash(tmp_path, monkeypatch):
    images = pictures()
    whole = stored(tmp_path, images).fingerprint
    monkeypatch.setattr("learning.tables.hashing._BLOCK_BYTES", 300)
    pieces = stored(tmp_path, images, name="ds_2", row_group=7).fingerprint
    np.testing.assert_array_equal(whole.rows, pieces.rows)
    assert whole.columns == pieces.columns
