"""The first rows of a canonical file, for people to look at."""

import base64
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from store.ingest.canonical import plain
from store.ingest.images.column import ImageShape, bounded_rows, image_shapes, pixels_of
from store.ingest.images.pixels import encode_png

PREVIEW_BYTES = 8 * 1024**2  # of pixels in one preview


def preview(path: Path, limit: int) -> list[dict[str, Any]]:
    """The first ``limit`` rows as JSON-able objects, columns in their order, a missing cell as None.

    A picture is ``{"base64": …}`` of a PNG, as a row of a prediction may hold it; of large ones there are fewer rows.
    """
    with pq.ParquetFile(path) as file:
        images = image_shapes(file.schema_arrow)
        most = bounded_rows(file.schema_arrow, rows=limit, at_most_bytes=PREVIEW_BYTES)
        batch = next(file.iter_batches(batch_size=max(1, most)), None)
    if batch is None:
        return []
    rows = batch.slice(0, most).to_pylist()
    return [{name: _shown(value, images.get(name)) for name, value in row.items()} for row in rows]


def _shown(value: Any, shape: ImageShape | None) -> Any:
    if shape is None:
        return plain(value)
    return {"base64": base64.b64encode(encode_png(pixels_of(value, shape))).decode()}
