"""Parquet as batches of typed cells. The footer is judged before a page is read, and strings stay dictionaries until
it is known what they decode to: a kilobyte may promise ten gigabytes."""

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from store.ingest.arrow_cells import ArrowCells
from store.ingest.canonical import storage_kind
from store.ingest.errors import IngestError, refusal
from store.ingest.images.column import ImageShape
from store.ingest.limits import IngestLimits
from store.ingest.names import checked_names

PLAIN, ENCRYPTED = b"PAR1", b"PARE"
CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4", "LZ4_RAW"}
BATCH_CELLS = 1_000_000
SLICE_BYTES = 32 * 1024**2
FOOTER_ITEMS = 4_000_000  # of any one list in the footer
PANDAS_INDEX = "__index_level_"


class ParquetFile:
    """A Parquet file whose footer has passed. Columns that pandas wrote for its index are left out."""

    def __init__(self, path: Path, limits: IngestLimits) -> None:
        self._path, self._limits = path, limits
        _refuse_foreign_bytes(path, limits)
        with self._open() as file:
            metadata, schema = file.metadata, file.schema_arrow
            _refuse_large(metadata, limits)
            _refuse_codecs(metadata)
            self._rows, self._groups = metadata.num_rows, metadata.num_row_groups
        self._kept = [i for i, name in enumerate(schema.names) if not name.startswith(PANDAS_INDEX)]
        self.names = checked_names([schema.names[i] for i in self._kept], limits)
        if not self.names:
            raise refusal("no-rows", "expected at least one column, found none")
        for index, name in zip(self._kept, self.names, strict=True):
            _refuse_extension(schema.field(index), name)
            storage_kind(schema.field(index).type, name)
        strings = [i for i in self._kept if storage_kind(schema.field(i).type, "") == "category"]
        self._strings = [schema.names[i] for i in strings]
        self.images: dict[str, ImageShape] = {}
        self.warnings: list[dict[str, str]] = []

    def batches(self) -> Iterator[list[ArrowCells]]:
        """The rows in order, in pieces of bounded decoded size.

        Raises:
            IngestError: 422 ``file-corrupt`` with the row group, or ``decompressed-too-large``.
        """
        first_row, decoded = 1, 0
        size = max(1, BATCH_CELLS // max(1, len(self._kept)))
        with self._open(self._strings) as file:
            for group in range(self._groups):
                for batch in self._group(file, group, size):
                    sizes = sum(_decoded_bytes(column) for column in batch.columns)
                    decoded += sizes
                    self._refuse_decoded(decoded)
                    pieces = min(batch.num_rows, sizes // SLICE_BYTES + 1)
                    step = -(-batch.num_rows // pieces)
                    for start in range(0, batch.num_rows, step):
                        piece = batch.slice(start, step)
                        yield self._cells(piece, first_row)
                        first_row += piece.num_rows

    def _cells(self, batch: pa.RecordBatch, first_row: int) -> list[ArrowCells]:
        return [
            ArrowCells(name, batch.column(index), first_row=first_row, cell_bytes=self._limits.cell_bytes)
            for name, index in zip(self.names, self._kept, strict=True)
        ]

    def _group(self, file: pq.ParquetFile, group: int, size: int) -> Iterator[pa.RecordBatch]:
        """The valid batches of one row group; anything else the reader meets there is a corrupt file."""
        batches = file.iter_batches(batch_size=size, row_groups=[group], use_threads=True)
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
            except (pa.ArrowMemoryError, MemoryError):
                raise
            except (pa.ArrowException, OSError, ValueError):
                detail = f"expected Parquet pages that can be decoded, found row group {group} damaged"
                raise refusal("file-corrupt", detail, actual=group) from None
            if batch.num_rows:
                yield batch

    def _open(self, strings: list[str] | None = None) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(
                self._path,
                read_dictionary=strings,
                memory_map=False,
                pre_buffer=False,
                buffer_size=1024**2,
                page_checksum_verification=True,
                thrift_string_size_limit=self._limits.metadata_bytes,
                thrift_container_size_limit=FOOTER_ITEMS,
            )
        except (pa.ArrowMemoryError, MemoryError):
            raise
        except (pa.ArrowException, OSError, ValueError) as error:
            if "ncrypt" in str(error):
                raise _encrypted() from None
            if "xceeded size limit" in str(error) or "TProtocolException" in str(error):
                detail = "expected a footer that can be read, found one that is damaged or too large"
                raise refusal("file-corrupt", detail) from None
            raise refusal("file-corrupt", "expected a Parquet file, found a footer that cannot be read") from None

    def _refuse_decoded(self, decoded: int) -> None:
        if decoded > self._limits.decoded_bytes:
            detail = f"expected cells of at most {self._limits.decoded_bytes} bytes once decoded"
            raise refusal("decompressed-too-large", detail, limit=self._limits.decoded_bytes, actual=decoded)


def _refuse_foreign_bytes(path: Path, limits: IngestLimits) -> None:
    """Judges the magic at both ends and the length of the footer that the last bytes state."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(max(0, size - 8))
        tail = file.read(8)
    if not head:
        raise refusal("empty-file", "expected a Parquet file, found no bytes")
    if head[:4] == ENCRYPTED or tail[4:] == ENCRYPTED:
        raise _encrypted()
    if head[:4] != PLAIN:
        if _is_text(head):
            raise refusal("content-mismatch", "expected Parquet as the Content-Type says, found text", status=415)
        raise refusal("file-corrupt", "expected a Parquet file, found other bytes at its start", byte_offset=0)
    if size < 12 or tail[4:] != PLAIN:
        detail = "expected a whole Parquet file, found no footer at its end"
        raise refusal("file-corrupt", detail, byte_offset=size)
    footer = struct.unpack("<I", tail[:4])[0]
    if footer > limits.metadata_bytes and footer <= size - 12:
        detail = f"expected a footer of at most {limits.metadata_bytes} bytes (fewer and larger row groups)"
        raise refusal("too-many-row-groups", detail, limit=limits.metadata_bytes, actual=footer)


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8", errors="strict" if len(head) < 4096 else "ignore")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t" for letter in text)


def _encrypted() -> IngestError:
    return refusal("unsupported-codec", "expected Parquet that is not encrypted")


def _refuse_large(metadata: pq.FileMetaData, limits: IngestLimits) -> None:
    """What the footer promises, before anything is decoded. It may lie, so batches are measured too."""
    if metadata.num_columns > limits.columns:
        detail = f"expected at most {limits.columns} columns"
        raise refusal("too-many-columns", detail, limit=limits.columns, actual=metadata.num_columns)
    if metadata.num_row_groups > limits.row_groups:
        detail = f"expected at most {limits.row_groups} row groups"
        raise refusal("too-many-row-groups", detail, limit=limits.row_groups, actual=metadata.num_row_groups)
    cells = metadata.num_rows * max(1, metadata.num_columns)
    if cells > limits.cells:
        detail = f"expected at most {limits.cells} cells"
        raise refusal("decompressed-too-large", detail, limit=limits.cells, actual=cells)
    promised = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    if promised > limits.decoded_bytes:
        detail = f"expected columns of at most {limits.decoded_bytes} bytes once decompressed"
        raise refusal("decompressed-too-large", detail, limit=limits.decoded_bytes, actual=promised)


def _refuse_codecs(metadata: pq.FileMetaData) -> None:
    for group in range(metadata.num_row_groups):
        columns = metadata.row_group(group)
        for index in range(columns.num_columns):
            chunk = columns.column(index)
            if chunk.compression not in CODECS or (
                chunk.compression != "UNCOMPRESSED" and not pa.Codec.is_available(_codec(chunk.compression))
            ):
                detail = f"expected a codec out of {', '.join(sorted(CODECS))}"
                raise refusal("unsupported-codec", detail, column=chunk.path_in_schema, actual=chunk.compression)


def _codec(name: str) -> str:
    return {"LZ4": "lz4_raw", "LZ4_RAW": "lz4_raw"}.get(name, name.lower())


def _refuse_extension(field: pa.Field, name: str) -> None:
    """An extension type that Arrow does not know arrives as its storage type, with a note in the metadata."""
    note = (field.metadata or {}).get(b"ARROW:extension:name")
    if note is not None:
        shown = note.decode(errors="replace")
        raise refusal(
            "unsupported-type", f"expected plain columns, found the extension type {shown}", column=name, actual=shown
        )


def _decoded_bytes(column: pa.Array) -> int:
    """What ``column`` weighs once its dictionary is written out."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    lengths = np.asarray(pc.binary_length(column.dictionary).fill_null(0)).astype(np.int64)
    counts = np.bincount(np.asarray(column.indices.drop_null()), minlength=len(lengths))
    return int((lengths * counts).sum()) + 4 * len(column)
