"""The canonical form: zstd Parquet whose fields carry their column type. The only table format the workers read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from store.ingest.errors import refusal
from store.ingest.images.column import ImageShape, bounded_rows, image_field, image_shapes

STORAGE = {
    "number": pa.float64(),
    "category": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.timestamp("us"),  # UTC, without a zone
}
GROUP_ROWS = 131_072
GROUP_BYTES = 16 * 1024**2


def canonical_schema(
    names: Sequence[str], types: Sequence[str], images: Mapping[str, ImageShape] | None = None
) -> pa.Schema:
    """The schema of a canonical file: ``types`` go into each field's metadata under ``type``; ``images``: the shapes of
    the columns of that type, by name."""
    shapes = images or {}
    return pa.schema(
        [
            image_field(name, shapes[name])
            if name in shapes
            else pa.field(name, STORAGE[kind], metadata={b"type": kind.encode()})
            for name, kind in zip(names, types, strict=True)
        ]
    )


def column_types(schema: pa.Schema) -> list[str]:
    """The column types that a schema states in its metadata, else those that its storage types mean."""
    stated = [(field.metadata or {}).get(b"type", b"").decode() for field in schema]
    return [kind or storage_kind(field.type, field.name) for kind, field in zip(stated, schema, strict=True)]


def storage_kind(storage: pa.DataType, column: str) -> str:
    """What column type an Arrow type becomes.

    Raises:
        IngestError: 422 ``unsupported-type`` for nested, extension, binary, time and duration types and 256-bit decimals.
    """
    if pa.types.is_dictionary(storage):
        storage = storage.value_type
    if isinstance(storage, pa.BaseExtensionType):
        storage_name = str(storage.extension_name)
        raise refusal(
            "unsupported-type", f"expected plain columns, found the extension type {storage_name}", column=column
        )
    if pa.types.is_boolean(storage):
        return "boolean"
    if pa.types.is_integer(storage) or pa.types.is_floating(storage) or pa.types.is_null(storage):
        return "number"
    if pa.types.is_decimal32(storage) or pa.types.is_decimal64(storage) or pa.types.is_decimal128(storage):
        return "number"
    if pa.types.is_string(storage) or pa.types.is_large_string(storage) or pa.types.is_string_view(storage):
        return "category"
    if pa.types.is_timestamp(storage) or pa.types.is_date(storage):
        return "date"
    detail = f"expected numbers, strings, booleans or dates, found {storage}"
    raise refusal("unsupported-type", detail, column=column, actual=str(storage))


def canonical_table(table: pa.Table) -> pa.Table:
    """``table`` (made by a job, trusted) in canonical storage: NaN becomes missing, each field states its type."""
    types, images = column_types(table.schema), image_shapes(table.schema)
    schema = canonical_schema(table.column_names, types, images)
    columns = []
    for column, kind, field in zip(table.columns, types, schema, strict=True):
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_timestamp(column.type) and column.type.tz is not None:
            column = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
        column = column.cast(field.type)
        if kind == "number":
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def rewrite(source: Path, target: Path) -> int:
    """Write a Parquet file that a job made as a canonical one, a row group at a time; the bytes of all its cells."""
    with pq.ParquetFile(source, memory_map=False, pre_buffer=False) as file:
        schema = file.schema_arrow
        writer = CanonicalWriter(target, schema.names, column_types(schema), images=image_shapes(schema))
        rows = bounded_rows(schema, rows=GROUP_ROWS // 2, at_most_bytes=GROUP_BYTES // 2)
        try:
            for batch in file.iter_batches(batch_size=rows, use_threads=False):
                table = canonical_table(pa.Table.from_batches([batch])).combine_chunks()
                writer.add([column.chunk(0) for column in table.columns])
            return writer.close()
        finally:
            writer.abandon()


class CanonicalWriter:
    """Writes record batches as row groups of a useful size, at most ``GROUP_BYTES`` of them in memory."""

    def __init__(
        self,
        target: Path,
        names: Sequence[str],
        types: Sequence[str],
        *,
        images: Mapping[str, ImageShape] | None = None,
    ) -> None:
        self.types = list(types)
        self._schema = canonical_schema(names, types, images)
        strings = [name for name, kind in zip(names, types, strict=True) if kind in ("category", "text")]
        # A dictionary of distinct doubles costs time and saves nothing; zstd 1 writes at the speed of a disk.
        self._file = pq.ParquetWriter(
            target, self._schema, compression="zstd", compression_level=1, use_dictionary=strings,
            write_page_checksum=True, store_schema=True,
        )  # fmt: skip
        self._pending: list[pa.RecordBatch] = []
        self._bytes = 0

    def add(self, columns: Sequence[pa.Array]) -> None:
        self._pending.append(pa.RecordBatch.from_arrays(list(columns), schema=self._schema))
        self._bytes += self._pending[-1].nbytes
        rows = sum(batch.num_rows for batch in self._pending)
        if rows >= GROUP_ROWS or sum(batch.nbytes for batch in self._pending) >= GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending, schema=self._schema)
            self._pending = []
            self._file.write_table(table, row_group_size=max(1, table.num_rows))

    def close(self) -> int:
        """Writes what is left and the footer; the bytes of all cells written, as Arrow holds them."""
        self._flush()
        self._file.close()
        return self._bytes

    def abandon(self) -> None:
        """Ends a file that nobody will read; after ``close`` it does nothing."""
        self._pending = []
        self._file.close()


def plain(value: Any) -> Any:
    """A canonical cell as JSON can hold it: dates in RFC 3339, everything else as it is."""
    return value.isoformat() + "Z" if hasattr(value, "isoformat") else value
