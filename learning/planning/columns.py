"""Columns of a table as arrays, each read once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from learning.encoding import cells
from learning.encoding.cells import Texts
from learning.tables.table import Table
from learning.tasks import ImageShape

Mask = npt.NDArray[np.bool_]


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
    def kinds(self) -> Mapping[str, str]:
        return self.table.kinds

    @property
    def images(self) -> Mapping[str, ImageShape]:
        return self.table.images

    @property
    def rows(self) -> int:
        return self.table.rows

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A number or boolean column as ``[n] float64``, NaN where missing."""
        if name not in self._numbers:
            self._numbers[name] = cells.numbers(self._read(name))
        return self._numbers[name]

    def texts(self, name: str) -> Texts:
        """Any column as text, by the rule of ``key_text``."""
        if name not in self._texts:
            self._texts[name] = cells.texts(self._read(name))
        return self._texts[name]

    def times(self, name: str) -> npt.NDArray[np.number[Any]]:
        """A number column as ``[n] float64``, a date column as ``[n] int64`` microseconds since 1970; no cell is missing."""
        if self.types[name] == "number":
            return self.numbers(name)
        return cells.dates(self._read(name)).astype(np.int64)

    def missing(self, name: str) -> int:
        """How many cells of a column are empty."""
        return int(self._read(name).null_count)

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
