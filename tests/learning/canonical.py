"""Canonical tables as ingest writes them, for tests of the learning room."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from learning.specs.job import MultitaskJob, parse_job
from learning.tables.table import Table

STORED = {
    "number": pa.float64(),
    "category": pa.string(),
    "boolean": pa.bool_(),
    "text": pa.string(),
    "date": pa.timestamp("us"),
}
Columns = Mapping[str, tuple[str, Any]]


def packed(pixels: np.ndarray) -> pa.Array:
    """Images ``[n, height, width, channels]`` uint8 as the cells of a column."""
    return pa.array([image.tobytes() for image in pixels], pa.binary(pixels[0].size))


def field(name: str, kind: str, cells: Any) -> pa.Field:
    """A field that says its type, and of images their shape."""
    if kind != "image":
        return pa.field(name, STORED[kind], metadata={b"type": kind.encode()})
    told = dict(zip(("height", "width", "channels"), map(str, cells.shape[1:]), strict=True))
    return pa.field(name, pa.binary(cells[0].size), metadata={"type": "image", **told})


def written(folder: Path, columns: Columns, *, name: str = "ds_1", row_group: int | None = None) -> Table:
    """A table of ``column: (type, cells)``; images as an array ``[n, height, width, channels]`` uint8."""
    schema = pa.schema([field(key, kind, cells) for key, (kind, cells) in columns.items()])
    arrays = [packed(cells) if kind == "image" else pa.array(cells, STORED[kind]) for kind, cells in columns.values()]
    table = pa.table(arrays, schema=schema)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=row_group)
    return Table(name, path)


def job(tasks: Any, **fields: Any) -> MultitaskJob:
    """A parsed multi-task job."""
    return parse_job({"kind": "multitask", "tasks": tasks, **fields})
