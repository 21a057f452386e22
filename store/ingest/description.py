"""What a dataset says of itself: rows, columns with statistics, and what its owner should know."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from store.ingest.canonical import canonical_table, column_types
from store.ingest.column_statistics import ColumnStatistics, Reader, column_statistics, runs
from store.ingest.images.column import bounded_rows, image_shapes

WHOLE_BYTES = 64 * 1024**2  # a file whose cells are no larger is read at once
BATCH_ROWS = 65_536
BATCH_BYTES = 16 * 1024**2  # of pictures
MANY = 1_000  # the encoding of the models keeps that many categories
SOME_ROWS = 100


class Description(TypedDict):
    """``columns`` are as in API.md section 3; ``warnings`` have code, detail and pointer ("" is the whole table)."""

    rows: int
    columns: list[dict[str, Any]]
    warnings: list[dict[str, Any]]


def describe(table: pa.Table) -> Description:
    """Describes a table that a job made; see ``canonical_table`` for what its column types are taken to be."""
    stored = canonical_table(table)
    readers = [_reader_of(column) for column in stored.columns]
    return _described(stored.schema, readers, stored.num_rows, None)


def describe_file(path: Path, threads: Executor | None, *, decoded_bytes: int) -> Description:
    """Describes a canonical file, a column at a time when its cells, ``decoded_bytes`` of them, are many."""
    with pq.ParquetFile(path) as file:
        rows, schema = file.metadata.num_rows, file.schema_arrow
        whole = file.read() if decoded_bytes <= WHOLE_BYTES else None
    if whole is not None:
        readers = [_reader_of(column) for column in whole.columns]
    else:
        readers = [_reader_from(path, index) for index in range(len(schema))]
    return _described(schema, readers, rows, threads)


def _reader_of(column: pa.ChunkedArray) -> Reader:
    """Slices, so that what is made for each of them stays small."""
    starts = range(0, max(1, len(column)), BATCH_ROWS)
    return lambda: (column.slice(start, BATCH_ROWS).combine_chunks() for start in starts)


def _reader_from(path: Path, index: int) -> Reader:
    def read() -> Iterable[pa.Array]:
        with pq.ParquetFile(path) as file:
            name = file.schema_arrow.names[index]
            rows = bounded_rows(pa.schema([file.schema_arrow.field(index)]), rows=BATCH_ROWS, at_most_bytes=BATCH_BYTES)
            # a dot in a name means a path to Arrow, so more columns than this one may come
            for batch in file.iter_batches(batch_size=rows, columns=[name], use_threads=False):
                yield batch.column(name)

    return read


def _described(schema: pa.Schema, readers: Sequence[Reader], rows: int, threads: Executor | None) -> Description:
    names, kinds, images = schema.names, column_types(schema), image_shapes(schema)
    sums = np.zeros(rows, dtype=np.uint64)
    columns, warnings = [], []
    results = (threads.map if threads else map)(column_statistics, kinds, readers)
    for index, (name, kind, found) in enumerate(zip(names, kinds, results, strict=True)):
        sums += found.hashes * np.uint64(2 * index + 1)  # odd factors keep equal cells of two columns apart
        shape = images[name].shown if name in images else {}
        columns.append({"name": name, "type": kind, **found.shown, **shape})
        warnings += _column_warnings(index, name, kind, rows, found)
    return {"rows": rows, "columns": columns, "warnings": [*_row_warnings(sums), *warnings]}


def _column_warnings(index: int, name: str, kind: str, rows: int, found: ColumnStatistics) -> list[dict[str, Any]]:
    present = rows - found.missing
    codes = {}
    if not present:
        codes["all-missing-column"] = f"{name!r} has no cell that is not missing"
    elif found.distinct == 1 and present > 1:
        codes["constant-column"] = f"{name!r} holds one value only" + (" and missing cells" if found.missing else "")
    if kind == "category" and (found.distinct > MANY or (present >= SOME_ROWS and found.distinct * 2 > present)):
        codes["high-cardinality"] = f"{name!r} holds {found.distinct} different values in {present} cells"
    return [{"code": code, "detail": detail[:300], "pointer": f"/columns/{index}"} for code, detail in codes.items()]


def _row_warnings(hashes: NDArray[np.uint64]) -> list[dict[str, Any]]:
    """Rows that equal an earlier row in every column, by their hashes [rows]."""
    again = len(hashes) - runs(np.sort(hashes))
    if not again:
        return []
    detail = f"{again} rows occur more than once" if again > 1 else "1 row occurs more than once"
    return [{"code": "duplicate-rows", "detail": f"{detail} (each is counted from its second time)", "pointer": ""}]
