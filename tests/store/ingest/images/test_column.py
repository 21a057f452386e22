"""A column of pictures in a canonical file: what is said of it, what is shown of it, and that it survives a rewrite."""

import base64

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from store.ingest import canonical_table, decode_image, describe, describe_file, preview, rewrite
from store.ingest.images.column import ImageShape, image_cells, image_field, image_shapes
from tests.store.ingest.images.picture import noise

SHAPE = ImageShape(6, 5, 3)
PICTURES = [noise(6, 5, 3, seed=seed) for seed in (1, 2, 1, 3)]
TABLE = pa.Table.from_arrays(
    [image_cells(PICTURES, SHAPE), pa.array(["a", "b", "a", None])],
    schema=pa.schema([image_field("image", SHAPE), pa.field("label", pa.string())]),
)
TOLD = {"name": "image", "type": "image", "missing": 0, "distinct": 3, "height": 6, "width": 5, "channels": 3}


def test_the_field_states_the_shape_and_the_cells_are_the_pixels_row_by_row():
    field = TABLE.schema.field("image")
    assert field.type == pa.binary(90)
    assert not field.nullable
    assert field.metadata == {b"type": b"image", b"height": b"6", b"width": b"5", b"channels": b"3"}
    assert TABLE["image"][1].as_py() == PICTURES[1].tobytes()
    assert image_shapes(TABLE.schema) == {"image": SHAPE}


def test_pictures_are_described_by_their_shape_and_counted():
    described = describe(TABLE)
    assert described["columns"][0] == TOLD
    assert [warning["code"] for warning in described["warnings"]] == ["duplicate-rows"]


@pytest.mark.parametrize("decoded_bytes", [0, 10**12], ids=["at once", "a column at a time"])
def test_a_rewritten_file_has_the_same_pictures(tmp_path, decoded_bytes):
    pq.write_table(TABLE, tmp_path / "made.parquet", row_group_size=3)

    assert rewrite(tmp_path / "made.parquet", tmp_path / "canonical.parquet") > 4 * 90

    assert pq.read_table(tmp_path / "canonical.parquet").equals(canonical_table(TABLE), check_metadata=False)
    described = describe_file(tmp_path / "canonical.parquet", None, decoded_bytes=decoded_bytes)
    assert described == describe(TABLE)
    assert image_shapes(pq.read_schema(tmp_path / "canonical.parquet")) == {"image": SHAPE}


def test_a_preview_shows_pictures_that_can_be_sent_back(tmp_path):
    pq.write_table(canonical_table(TABLE), tmp_path / "canonical.parquet")
    rows = preview(tmp_path / "canonical.parquet", 2)
    assert [row["label"] for row in rows] == ["a", "b"]
    for row, pixels in zip(rows, PICTURES, strict=False):
        sent = base64.b64decode(row["image"]["base64"])
        assert (decode_image(sent, height=6, width=5, channels=3) == pixels).all()


def test_a_preview_of_large_pictures_has_fewer_rows(tmp_path):
    shape = ImageShape(1024, 1024, 3)
    cells = image_cells([np.zeros((1024, 1024, 3), np.uint8)] * 4, shape)
    large = pa.Table.from_arrays([cells], schema=pa.schema([image_field("image", shape)]))
    pq.write_table(large, tmp_path / "canonical.parquet")
    assert len(preview(tmp_path / "canonical.parquet", 4)) == 2


def test_a_field_that_only_calls_itself_an_image_is_refused():
    lying = pa.field("image", pa.binary(7), metadata=dict(image_field("image", SHAPE).metadata))
    with pytest.raises(ValueError, match="pictures"):
        image_shapes(pa.schema([lying]))
