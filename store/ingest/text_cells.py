"""A batch of one column whose cells are written as text, as in CSV: what the cells are, and their values."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.ingest.canonical import STORAGE
from store.ingest.errors import IngestError, problem, refusal
from store.ingest.inference import EXACT, SHOWN, Facts, wild_rows
from store.ingest.literals import (
    booleans_where_possible,
    dates,
    dates_where_possible,
    numbers,
    numbers_where_possible,
    without_blanks,
    without_nan,
)

Places = NDArray[np.intp]
INTEGER = r"^[+-]?[0-9]+$"
AMBIGUOUS_DAY = r"^[0-9]{1,4}[/.-][0-9]{1,2}[/.-][0-9]{1,4}$"
# the bytes that a number, an infinity, a NaN or a date can begin with
NUMERIC_START = np.isin(np.arange(256), list(b"0123456789+-.,iInN"))
EXPECTED = {
    "number": ("not-numeric", "a number"),
    "boolean": ("not-boolean", "true, false, yes or no"),
    "date": ("not-a-date", "an ISO 8601 date"),
}


class TextCells:
    """``cells`` [n] of one column, rows counted from ``first_row`` (1 for the first data row); null where missing."""

    def __init__(self, name: str, cells: pa.StringArray, *, first_row: int, decimal: str, cell_bytes: int) -> None:
        self.name = name
        self.cells = cells
        self.first_row = first_row
        self.decimal = decimal
        self._values: pa.Array | None = None
        longest = pc.max(pc.binary_length(cells)).as_py() or 0
        if longest > cell_bytes:
            row = first_row + int(pc.index(pc.binary_length(cells), longest).as_py())
            detail = f"expected cells of at most {cell_bytes} bytes"
            raise refusal("cell-too-large", detail, row=row, column=name, limit=cell_bytes, actual=longest)
        holed = pc.index(pc.match_substring(cells, "\0"), True).as_py()
        if holed >= 0:  # no database stores it as text
            detail = "expected text, found a NUL in a cell"
            raise refusal("invalid-character", detail, row=first_row + holed, column=name, actual="\\x00")

    def facts(self) -> Facts:
        """What the cells are, each counted once."""
        if self.cells.null_count == len(self.cells):
            return Facts(missing=len(self.cells))
        if (values := numbers(self.cells, self.decimal)) is not None:
            self._values = values
            return self._number_facts(self.cells, values, np.ones(len(values), dtype=np.int64), lambda wild: wild)
        if (moments := dates(self.cells)) is not None:
            self._values = moments
            return Facts(missing=moments.null_count, dates=len(moments) - moments.null_count)
        return self._mixed_facts()

    def _number_facts(
        self, cells: pa.Array, values: pa.Array, counts: NDArray[np.int64], rows_of: Callable[[Places], Places]
    ) -> Facts:
        """Facts of ``values`` [u] as parsed from ``cells`` [u], each standing for ``counts`` [u] cells, those at ``rows_of``."""
        doubles = _numpy(values)
        present = ~np.isnan(doubles)
        whole = present & (np.floor(doubles) == doubles)
        exact = whole & ((np.abs(doubles) >= EXACT) | _zero_led(cells))
        as_integers = 0
        if exact.any():
            where = np.flatnonzero(exact)
            written = pc.match_substring_regex(cells.take(pa.array(where)), INTEGER)
            digits = np.asarray(written.fill_null(False))
            as_integers = int(counts[where][digits].sum())
            whole[where[~digits]] = False
        infinite, too_large = wild_rows(doubles)
        return Facts(
            missing=int(counts[~present].sum()),
            numbers=int(counts[present].sum()),
            fractional=int(counts[present & ~whole].sum()),
            exact=as_integers,
            infinite=self._shown(rows_of(infinite)),
            too_large=self._shown(rows_of(too_large)),
        )

    def _shown(self, rows: Places) -> tuple[tuple[int, str], ...]:
        return tuple((self.first_row + int(row), str(self.cells[int(row)].as_py())[:64]) for row in rows[:SHOWN])

    def _mixed_facts(self) -> Facts:
        """As ``facts``, through the distinct cells: each is looked at once, however often it occurs."""
        encoded = self.cells.dictionary_encode()
        unique = pc.utf8_trim_whitespace(encoded.dictionary)
        codes = np.asarray(encoded.indices.drop_null())
        counts = np.bincount(codes, minlength=len(unique)).astype(np.int64)
        blank = np.asarray(pc.equal(unique, ""))
        starts = ~blank & NUMERIC_START[_first_bytes(unique)]
        candidates = np.flatnonzero(starts)
        likely = unique.take(pa.array(candidates))
        parsed = numbers_where_possible(likely, self.decimal)
        is_number = np.asarray(parsed.is_valid())
        is_date = ~is_number & np.asarray(dates_where_possible(likely).is_valid())
        boolean = np.asarray(booleans_where_possible(unique).is_valid())
        other = ~blank & ~boolean
        other[candidates[is_number | is_date]] = False
        ambiguous = ~is_number & ~is_date & np.asarray(pc.match_substring_regex(likely, AMBIGUOUS_DAY))
        strings = unique.filter(pa.array(other))
        spaced = np.asarray(pc.match_substring_regex(strings, r"\s")) if len(strings) else np.empty(0, dtype=bool)
        numeric = Facts()
        if is_number.any():
            where = candidates[is_number]
            places = np.asarray(encoded.indices.fill_null(-1))
            numeric = self._number_facts(
                unique.take(pa.array(where)), parsed.drop_null(), counts[where],
                lambda wild: np.flatnonzero(np.isin(places, where[wild])),
            )  # fmt: skip
        return numeric + Facts(
            missing=self.cells.null_count + int(counts[blank].sum()),
            booleans=int(counts[boolean].sum()),
            dates=int(counts[candidates[is_date]].sum()),
            others=int(counts[other].sum()),
            ambiguous=int(counts[candidates[ambiguous]].sum()),
            distinct=int(other.sum()),
            spaced=int(counts[other][spaced].sum()),
            length=int((counts[other] * np.asarray(pc.binary_length(strings))).sum()),
        )

    def to(self, kind: str) -> pa.Array:
        """The cells as values of ``kind``.

        Raises:
            IngestError: 422 ``not-numeric``, ``not-boolean`` or ``not-a-date`` with the first cells that cannot be.
        """
        if kind in ("category", "text"):
            return without_blanks(self.cells)
        if self._values is not None and self._values.type == STORAGE[kind]:
            return without_nan(self._values) if kind == "number" else self._values
        trimmed = without_blanks(pc.utf8_trim_whitespace(self.cells))
        if kind == "number":
            values = numbers_where_possible(trimmed, self.decimal)
        elif kind == "boolean":
            values = booleans_where_possible(trimmed)
        else:
            values = dates_where_possible(trimmed)
        self._refuse_lost(trimmed, values, kind)
        return without_nan(values) if kind == "number" else values

    def _refuse_lost(self, cells: pa.Array, values: pa.Array, kind: str) -> None:
        lost = np.flatnonzero(np.asarray(pc.and_(cells.is_valid(), values.is_null())))[:SHOWN]
        if len(lost):
            code, wanted = EXPECTED[kind]
            raise IngestError(
                [
                    problem(
                        code, f"expected {wanted} (the column is declared {kind})",
                        row=self.first_row + int(i), column=self.name, actual=str(cells[int(i)].as_py()),
                    )
                    for i in lost
                ]
            )  # fmt: skip


def _numpy(values: pa.Array) -> NDArray[np.float64]:
    """Doubles [n], NaN where missing."""
    numbers: NDArray[np.float64] = values.to_numpy(zero_copy_only=False)
    return numbers


def _bytes_at(cells: pa.Array, shift: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The byte at ``shift`` of each cell [n] (0 where it is shorter), and the lengths [n] in bytes."""
    _, offsets, data = cells.buffers()
    places = np.frombuffer(offsets, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    lengths = np.diff(places)
    if data is None or data.size == 0:
        return np.zeros(len(cells), dtype=np.uint8), lengths
    letters = np.frombuffer(data, dtype=np.uint8)
    found = letters[np.minimum(places[:-1] + shift, len(letters) - 1)]
    return np.where(lengths > shift, found, 0).astype(np.uint8), lengths


def _first_bytes(cells: pa.Array) -> NDArray[np.uint8]:
    return _bytes_at(cells, 0)[0]


def _zero_led(cells: pa.Array) -> NDArray[np.bool_]:
    """Where a cell begins with a zero and another digit, as postcodes do."""
    second, _ = _bytes_at(cells, 1)
    found: NDArray[np.bool_] = (_first_bytes(cells) == ord("0")) & (second >= ord("0")) & (second <= ord("9"))
    return found
