"""The first rows of a canonical file, for people to look at."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from store.ingest.canonical import plain


def preview(path: Path, limit: int) -> list[dict[str, Any]]:
    """The first ``limit`` rows as JSON-able objects, columns in their order, a missing cell as None."""
    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=max(1, limit)), None)
    if batch is None:
        return []
    rows = batch.slice(0, limit).to_pylist()
    return [{name: plain(value) for name, value in row.items()} for row in rows]
