"""What a row holds as one 64-bit number, column by column, so that a table is never in memory whole."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Hashes = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MISSING = np.uint64(0x6D697373696E6721)
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``rows`` ``[n]``: equal for rows of equal content, whatever the order of rows or columns.

    ``columns``: equal for columns that hold the same type and values in the same rows.
    """

    rows: Hashes
    columns: Mapping[str, int]


def mix(values: Hashes) -> Hashes:
    """A bijection of 64 bits that leaves no visible order: the finaliser of SplitMix64.

    Steele, Lea and Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014, figure 13 (variant 13 of
    Stafford's constants).
    """
    mixed = values + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def text_hash(text: str) -> np.uint64:
    """One text as 64 bits, the same in every process."""
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()))


def fingerprint(path: Path) -> Fingerprint:
    """Read a canonical Parquet file once, one column at a time."""
    file = pq.ParquetFile(path)
    rows = np.zeros(file.metadata.num_rows, dtype=np.uint64)
    order = mix(np.arange(len(rows), dtype=np.uint64))
    columns = {}
    for name in file.schema_arrow.names:
        cells = (
            _image_hashes(file, name) if _is_image(file, name) else column_hashes(file.read(columns=[name]).column(0))
        )
        columns[name] = int(mix(cells ^ order).sum())
        # A sum over the columns: their order is not content.
        rows += mix(cells ^ text_hash(name))
    return Fingerprint(mix(rows), columns)


def _is_image(file: pq.ParquetFile, name: str) -> bool:
    return bool(pa.types.is_fixed_size_binary(file.schema_arrow.field(name).type))


def _image_hashes(file: pq.ParquetFile, name: str) -> Hashes:
    """A block of rows at a time: of images a column is nearly the table."""
    size = file.schema_arrow.field(name).type.byte_width
    rows = max(1, _BLOCK_BYTES // size)
    batches = file.iter_batches(batch_size=rows, columns=[name], use_threads=False)
    # a dot in a name means a path to Arrow, so more columns than this may come
    parts = [_packed_hashes(batch.column(name), size) for batch in batches]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def _packed_hashes(cells: pa.FixedSizeBinaryArray, size: int) -> Hashes:
    """Cells of ``size`` bytes, none missing, as a sum over their words of mix(word, position)."""
    content = np.frombuffer(cells.buffers()[1], np.uint8)[cells.offset * size : (cells.offset + len(cells)) * size]
    words = -(-size // 8)
    padded = np.zeros((len(cells), words * 8), np.uint8)
    padded[:, :size] = content.reshape(len(cells), size)
    positions = mix(np.arange(words, dtype=np.uint64))
    return mix(mix(padded.view(np.uint64) ^ positions).sum(axis=1, dtype=np.uint64))


def column_hashes(column: pa.ChunkedArray) -> Hashes:
    """The cells of a column as ``[n]`` hashes; a missing cell, NaN included, is one value, and so are 0.0 and −0.0."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        return _coded_hashes(column)
    missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False).astype(bool)
    if pa.types.is_floating(kind):
        bits = (pc.fill_null(column, 0.0).to_numpy().astype(np.float64) + 0.0).view(np.uint64)
    elif pa.types.is_boolean(kind):
        bits = pc.fill_null(column, False).to_numpy().astype(np.uint64)
    else:
        whole = column.cast(pa.int64())
        bits = pc.fill_null(whole, 0).to_numpy().astype(np.int64).view(np.uint64)
    hashes = mix(bits)
    hashes[missing] = _MISSING
    return hashes


def _coded_hashes(column: pa.ChunkedArray) -> Hashes:
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    if coded.num_chunks == 0:
        return np.zeros(0, dtype=np.uint64)
    values = np.append(string_hashes(coded.chunk(0).dictionary), _MISSING)
    codes = [pc.fill_null(chunk.indices, len(values) - 1).to_numpy() for chunk in coded.chunks]
    hashes: Hashes = values[np.concatenate(codes)]
    return hashes


def string_hashes(strings: pa.Array) -> Hashes:
    """Each string as a sum over its bytes of mix(byte, position): no loop over the strings."""
    if len(strings) == 0:
        return np.zeros(0, dtype=np.uint64)
    binary = strings.cast(pa.large_binary())
    _, offset_buffer, data = binary.buffers()
    offsets = np.frombuffer(offset_buffer, dtype=np.int64)[binary.offset : binary.offset + len(binary) + 1]
    content = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
    hashes = np.zeros(len(binary), dtype=np.uint64)
    for start, end in _blocks(offsets):
        hashes[start:end] = _block_hashes(offsets[start : end + 1], content)
    return hashes


def _blocks(offsets: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Runs of strings of about 4 MiB, so that the work space stays small."""
    start, last = 0, len(offsets) - 1
    while start < last:
        end = max(start + 1, int(np.searchsorted(offsets, offsets[start] + _BLOCK_BYTES, side="right")) - 1)
        yield start, end
        start = end


def _block_hashes(offsets: npt.NDArray[np.int64], content: npt.NDArray[np.uint8]) -> Hashes:
    starts, lengths = offsets[:-1] - offsets[0], np.diff(offsets)
    total = int(offsets[-1] - offsets[0])
    position = np.arange(total) - np.repeat(starts, lengths)
    terms = mix((position.astype(np.uint64) << np.uint64(8)) | content[offsets[0] : offsets[-1]])
    sums = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(terms, dtype=np.uint64)])
    return mix((sums[starts + lengths] - sums[starts]) ^ lengths.astype(np.uint64))
