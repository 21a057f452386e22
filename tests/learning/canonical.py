"""Canonical tables as ingest writes them, for tests of the learning room."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def written(folder: Path, columns: Columns, *, name: str = "ds_1", row_group: int | None = None) -> Table:
    """A table of ``column: (type, cells)``."""
    schema = pa.schema(
        [pa.field(key, STORED[kind], metadata={b"type": kind.encode()}) for key, (kind, _) in columns.items()]
    )
    table = pa.table([pa.array(cells, STORED[kind]) for kind, cells in columns.values()], schema=schema)
    path = folder / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=row_group)
    return Table(name, path)


def job(tasks: Any, **fields: Any) -> MultitaskJob:
    """A parsed multi-task job."""
    return parse_job({"kind": "multitask", "tasks": tasks, **fields})
