"""The rows of many tasks, read as the predictor reads them and encoded in one pass."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from learning.adapting.asked import Cells, Sample, count_rows, names_of, placed, values_of, without
from learning.encoding.absent import Absent
from learning.encoding.encoding import Encoded, Encoding
from learning.errors import InputError, Notice, Problem, pointer_to
from learning.header import ModelHeader
from learning.meta_header import MetaHeader
from learning.predictor.inputs import Found, Reader, check_names
from learning.predictor.table_inputs import check_table, unseen_in_table
from learning.predictor.values import PointerStyle


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Rows of a request, and where it holds them."""

    cells: Cells
    at: str
    style: PointerStyle


@dataclass(frozen=True, eq=False, slots=True)
class Taken:
    """Encoded rows ``[n]`` of one part, the values of the targets that it brings, and what to warn of."""

    part: Part
    rows: Encoded
    targets: Mapping[str, Sequence[Any]]
    notices: tuple[Notice, ...]

    def at(self, name: str, row: int) -> str:
        """The pointer to one value."""
        order = ("rows", row, name) if self.part.style == "rows" else ("columns", name, row)
        return self.part.at + pointer_to(*order)


def parts_of(samples: Sequence[Sample]) -> tuple[list[Part], list[Part | None]]:
    """The supports and the queries of the tasks."""
    queries = [None if each.query is None else Part(each.query, each.query_at, each.query_style) for each in samples]
    return [Part(each.support, each.at, each.style) for each in samples], queries


class Intake:
    """Reads the columns ``features`` of parts of a request; ``ignored`` ones may stand beside them, unread."""

    def __init__(self, header: ModelHeader | MetaHeader, features: Collection[str], ignored: Collection[str]) -> None:
        self._header = header
        self._encoding: Encoding = header.encoding
        self._features = frozenset(features)
        self._known = self._features | frozenset(ignored)
        self._reader = Reader(header.encoding, self._features)
        absent: Absent = {c.name: True for c in header.encoding.columns if c.name not in self._features}
        self._absent = absent or None

    def read(self, parts: Sequence[Part], targets: Sequence[str], *, most: int | None = None) -> list[Taken]:
        """Return the rows of each part.

        Raises:
            InputError: ``empty-rows``, ``too-many-shots``, ``ragged-rows``, ``schema-mismatch``, and what a predictor
                refuses of cells, with pointers from the whole request.
        """
        bare = [replace(part, cells=without(part.cells, targets)) for part in parts]
        problems = [problem for part, own in zip(parts, bare, strict=True) for problem in self._shape(part, own, most)]
        if problems:
            raise InputError(problems[:50])
        together = [part for part in bare if not isinstance(part.cells, pa.Table)]
        encoded = self._in_one_pass(together) if len(together) == len(bare) and len(bare) > 1 else None
        found = [(rows, ()) for rows in encoded] if encoded else [self._alone(part) for part in bare]
        return [
            Taken(
                part,
                rows,
                {name: values_of(part.cells, name) for name in targets if name in names_of(part.cells)},
                told,
            )
            for part, (rows, told) in zip(parts, found, strict=True)
        ]

    def _shape(self, part: Part, own: Part, most: int | None) -> list[Problem]:
        """What is wrong with the rows' number and names."""
        rows = count_rows(part.cells)
        if rows == 0:
            return [Problem(part.at, "empty-rows", "expected at least one row, found none")]
        if most is not None and rows > most:
            return [Problem(part.at, "too-many-shots", f"expected at most {most} rows, found {rows}")]
        if isinstance(part.cells, pa.Table):
            return []
        uneven = [name for name, values in part.cells.items() if len(values) != rows]
        if uneven:
            detail = f"expected {rows} values as in the first column, found {len(part.cells[uneven[0]])}"
            return [Problem(part.at + pointer_to("columns", uneven[0]), "ragged-rows", detail)]
        if set(names_of(own.cells)) != self._features:
            try:
                check_names(names_of(own.cells), self._features, self._known, part.style, image=self._encoding.image)
            except InputError as error:
                return [replace(problem, code="schema-mismatch") for problem in placed(error, part.at)]
        return []

    def _in_one_pass(self, parts: Sequence[Part]) -> list[Encoded] | None:
        """All parts as one; None where something is to be told of one of them."""
        counts = [count_rows(part.cells) for part in parts]
        columns = {
            name: list(chain.from_iterable(values_of(part.cells, name) for part in parts)) for name in self._features
        }
        found = Found([], [])
        try:
            cells = self._reader.read(columns, sum(counts), found, strict=False, style="columns")
        except InputError:
            return None
        if found.notices:
            return None
        rows = self._encoding.encode_cells(cells, absent=self._absent)
        ends = np.cumsum([0, *counts]).tolist()
        return [Encoded(rows.numeric[start:end], rows.category[start:end]) for start, end in pairwise(ends)]

    def _alone(self, part: Part) -> tuple[Encoded, tuple[Notice, ...]]:
        try:
            if isinstance(part.cells, pa.Table):
                check_table(part.cells, self._header, self._features)
                told: list[Notice] = [*unseen_in_table(part.cells, self._encoding, self._features)]
                return self._encoding.encode(part.cells, absent=self._absent), tuple(told)
            found = Found([], [])
            rows = count_rows(part.cells)
            cells = self._reader.read(part.cells, rows, found, strict=False, style=part.style)
        except InputError as error:
            raise InputError(placed(error, part.at)) from None
        moved = [replace(notice, pointer=part.at + (notice.pointer or "")) for notice in found.notices]
        return self._encoding.encode_cells(cells, absent=self._absent), tuple(moved)
