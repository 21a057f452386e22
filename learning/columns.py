"""Columns of a table as arrays, each read once: numbers, or codes into sorted texts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from learning.tables import Table
from learning.tasks import key_text

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Texts:
    """``values`` are distinct and sorted; ``codes`` ``[n] int32`` index them, -1 where the cell is missing."""

    codes: npt.NDArray[np.int32]
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table that a plan looks into: targets, keys, filters. Features are not read here."""

    table: Table
    _numbers: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    _texts: dict[str, Texts] = field(default_factory=dict)

    @property
    def types(self) -> Mapping[str, str]:
        return self.table.types

    @property
    def rows(self) -> int:
        return self.table.rows

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A number or boolean column as ``[n] float64``, NaN where missing."""
        if name not in self._numbers:
            self._numbers[name] = _numbers(self._read(name))
        return self._numbers[name]

    def texts(self, name: str) -> Texts:
        """Any column as text, by the rule of ``key_text``."""
        if name not in self._texts:
            self._texts[name] = _texts(self._read(name))
        return self._texts[name]

    def where(self, where: Mapping[str, tuple[str, ...]]) -> Mask:
        """``[n]``: the rows in which every named column has one of its values."""
        kept = np.ones(self.rows, dtype=bool)
        for name, wanted in where.items():
            texts, values = self.texts(name), set(wanted)
            # One place more than there are values: code -1, a missing cell, finds False there.
            hit = np.array([value in values for value in texts.values] + [False])
            kept &= hit[texts.codes]
        return kept

    def _read(self, name: str) -> pa.ChunkedArray:
        return self.table.read([name]).column(0)


def _numbers(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    numbers: npt.NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return numbers


def _texts(column: pa.ChunkedArray) -> Texts:
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
