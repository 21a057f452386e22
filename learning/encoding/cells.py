"""Table cells as arrays: what training reads from Arrow and serving from JSON meets here, before it is encoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from learning.tasks import ImageShape, key_text

#: Indices of a category column that stand for no value seen in training.
UNSEEN, MISSING, FIRST_VALUE = 0, 1, 2


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """n rows, by kind of column.

    numbers: ``[n, a]`` float64, NaN where missing; true and false are 1 and 0.
    dates: ``[n, d]`` datetime64[us] in UTC, NaT where missing.
    categories: ``[n, q]`` int64: 0 unseen in training, 1 missing, then the known values.
    images: ``[n, height, width, channels]`` uint8, where there is a column of images.
    """

    numbers: NDArray[np.float64]
    dates: NDArray[np.datetime64]
    categories: NDArray[np.int64]
    images: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """``values`` are distinct and sorted; ``codes`` ``[n] int32`` index them, -1 where the cell is missing."""

    codes: NDArray[np.int32]
    values: tuple[str, ...]


def numbers(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """A number or boolean column as ``[n]``."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return values


def dates(column: pa.ChunkedArray) -> NDArray[np.datetime64]:
    """A date column as ``[n]``."""
    values: NDArray[np.datetime64] = column.cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")
    return values


def images(column: pa.ChunkedArray, shape: ImageShape) -> NDArray[np.uint8]:
    """A column of images of this shape as ``[n, height, width, channels]``; no cell is missing."""
    channels, height, width = shape
    size = channels * height * width
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * size : (chunk.offset + len(chunk)) * size]
        for chunk in column.chunks
        if len(chunk)
    ]
    joined = parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.uint8), *parts])
    return joined.reshape(-1, height, width, channels)


def categories(column: pa.ChunkedArray, values: Sequence[str], *, missing: int = MISSING) -> NDArray[np.int64]:
    """A category column as ``[n]`` indices of ``values``; an empty cell is ``missing``."""
    text = column.cast(pa.string())
    known = pc.index_in(text, value_set=pa.array(values, pa.string()))
    found: NDArray[np.int64] = pc.fill_null(known, -FIRST_VALUE).to_numpy().astype(np.int64) + FIRST_VALUE
    if text.null_count:
        found[np.asarray(text.is_null())] = missing
    return found


def texts(column: pa.ChunkedArray) -> Texts:
    """Any column as text, by the rule of ``key_text``; NaN is missing."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    if coded.num_chunks == 0:
        return Texts(np.zeros(0, dtype=np.int32), ())
    found = [key_text(value) for value in coded.chunk(0).dictionary.to_pylist()]
    values = sorted(set(found))
    place = {value: index for index, value in enumerate(values)}
    # 0.0 and -0.0 are two entries of a dictionary and one text.
    sorted_code = np.array([*(place[value] for value in found), -1], dtype=np.int32)
    codes = [pc.fill_null(chunk.indices, len(found)).to_numpy() for chunk in coded.chunks]
    return Texts(sorted_code[np.concatenate(codes)], tuple(values))


def stacked(columns: Sequence[NDArray[Any]], rows: int, dtype: Any) -> NDArray[Any]:
    """Columns ``[n]`` side by side as ``[n, columns]``, also when there is none."""
    return np.stack(columns, axis=1).astype(dtype, copy=False) if columns else np.empty((rows, 0), dtype)
