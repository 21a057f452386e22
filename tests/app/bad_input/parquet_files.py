"""Part B: Parquet uploads (rows 30 to 37), written here byte by byte where a writer would not write them."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.app.bad_input.case import Case, Send
from tests.app.tenant import CSV

PARQUET = {"Content-Type": "application/vnd.apache.parquet"}


def parquet(content: bytes) -> Send:
    return lambda world: world.tenant.client.post("/v1/datasets", content=content, headers=PARQUET)


def written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def corrupt_page() -> bytes:
    """A file with checksums, one byte of whose only page is changed."""
    table = pa.table({"a": [float(i) for i in range(500)], "y": [float(-i) for i in range(500)]})
    content = bytearray(written(table, write_page_checksum=True, compression="zstd", use_dictionary=False))
    offset = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(0).column(0).data_page_offset
    content[offset + 120] ^= 0xFF
    return bytes(content)


def bomb() -> bytes:
    """A few kilobytes that decode to many gigabytes: one long value in the dictionary, millions of references to it."""
    count = 2_000_000
    value = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), ["x" * 60_000])
    return written(pa.table({"a": value, "b": value}), compression="zstd")


def many_row_groups() -> bytes:
    buffer = io.BytesIO()
    table = pa.table({"a": [1.0]})
    with pq.ParquetWriter(buffer, table.schema) as writer:
        for _ in range(10_050):
            writer.write_table(table)
    return buffer.getvalue()


def unknown_codec() -> bytes:
    """The codec of column ``a`` is LZO: after the path ["a"], field 4 of its thrift struct is 3 (zigzag 6)."""
    content, snappy = written(pa.table({"a": [1.0, 2.0]})), b"\x19\x18\x01a\x15\x02"
    assert snappy in content
    return content.replace(snappy, b"\x19\x18\x01a\x15\x06", 1)


def invalid_text() -> bytes:
    """A string column whose bytes are no UTF-8: only a full validation sees it."""
    values = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(np.array([0, 2, 4], np.int32)), pa.py_buffer(b"\xff\xfe\xfd\xfc")]
    )
    return written(pa.table({"a": [1.0, 2.0], "text": values}))


GOOD = written(pa.table({"a": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}))
ODD_TYPES = {
    "list": pa.array([[1], [2]]),
    "struct": pa.array([{"x": 1}, {"x": 2}]),
    "map": pa.array([[("k", 1)], [("k", 2)]], pa.map_(pa.string(), pa.int64())),
    "decimal256": pa.array([1, 2], pa.decimal256(60, 0)),
    "duration": pa.array([1, 2], pa.duration("s")),
}

CASES = [
    Case(30, "random", parquet(bytes(range(256)) * 8), 422, "file-corrupt"),
    Case(30, "truncated", parquet(GOOD[:-30]), 422, "file-corrupt"),
    Case(30, "footer-only", parquet(b"PAR1" + GOOD[-200:]), 422, "file-corrupt"),
    Case(31, "", parquet(corrupt_page()), 422, "file-corrupt"),
    *(
        Case(32, name, parquet(written(pa.table({"a": [1.0, 2.0], "odd": values}))), 422, "unsupported-type")
        for name, values in ODD_TYPES.items()
    ),
    Case(33, "", parquet(bomb()), 422, "decompressed-too-large"),
    Case(34, "", parquet(many_row_groups()), 422, "too-many-row-groups"),
    Case(35, "codec", parquet(unknown_codec()), 422, "unsupported-codec"),
    Case(35, "encrypted", parquet(GOOD[:-4] + b"PARE"), 422, "unsupported-codec"),
    Case(37, "", parquet(invalid_text()), 422, "file-corrupt"),
    Case(36, "csv-as-parquet", parquet(b"a,b\n1,2\n"), 415, "content-mismatch"),
    Case(
        36,
        "parquet-as-csv",
        lambda world: world.tenant.client.post("/v1/datasets", content=GOOD, headers=CSV),
        415,
        "content-mismatch",
    ),
]
