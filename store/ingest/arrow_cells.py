"""A batch of one column whose cells have an Arrow type already, as in Parquet: what the cells are, and their values."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from store.ingest.canonical import STORAGE, storage_kind
from store.ingest.errors import refusal
from store.ingest.inference import EXACT, SHOWN, Facts, wild_rows
from store.ingest.literals import without_nan
from store.ingest.text_cells import EXPECTED, TextCells

FIRST_DAY, LAST_DAY = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")


class ArrowCells:
    """``cells`` [n] of one column. Strings stay strings: a file with types means them. Rows count from ``first_row``."""

    def __init__(self, name: str, cells: pa.Array, *, first_row: int, cell_bytes: int) -> None:
        self.name = name
        self.first_row = first_row
        self._stated = storage_kind(cells.type, name)
        self.cells = _storable(cells)
        if self._stated == "category":
            self._text = TextCells(name, self.cells, first_row=first_row, decimal=".", cell_bytes=cell_bytes)

    def facts(self) -> Facts:
        """What the cells are, each counted once."""
        present = len(self.cells) - self.cells.null_count
        if self._stated == "category":
            return string_facts(self.cells)
        if self._stated == "boolean":
            return Facts(missing=self.cells.null_count, booleans=present)
        if self._stated == "date":
            return Facts(missing=self.cells.null_count, dates=present)
        return self._number_facts()

    def _number_facts(self) -> Facts:
        values = self._doubles()
        numbers = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        missing = int(np.isnan(numbers).sum())
        whole = pa.types.is_integer(self.cells.type)
        exact = int((np.abs(numbers) >= EXACT).sum()) if whole else 0
        infinite, too_large = ([] if whole else list(places[:SHOWN]) for places in wild_rows(numbers))
        return Facts(
            missing=missing,
            numbers=len(numbers) - missing,
            fractional=0 if whole else len(numbers) - missing,
            exact=exact,
            infinite=tuple((self.first_row + int(i), str(numbers[i])) for i in infinite),
            too_large=tuple((self.first_row + int(i), str(numbers[i])) for i in too_large),
        )

    def to(self, kind: str) -> pa.Array:
        """The cells as values of ``kind``.

        Raises:
            IngestError: 422 ``not-numeric``, ``not-boolean`` or ``not-a-date`` where the declared type does not fit.
        """
        if self._stated == "category":
            return self.cells if kind in ("category", "text") else self._text.to(kind)
        if kind in ("category", "text"):
            return self._as_text()
        if self.cells.null_count == len(self.cells):
            return pa.nulls(len(self.cells), STORAGE[kind])
        if kind == "number" and self._stated != "date":
            return without_nan(self._doubles())
        if kind == self._stated:
            return self.cells
        code, _ = EXPECTED[kind]
        detail = f"expected a column that can be declared {kind}, found {self._stated}"
        raise refusal(code, detail, column=self.name, actual=self._stated)

    def _doubles(self) -> pa.Array:
        return self.cells.cast(pa.float64(), safe=False)

    def _as_text(self) -> pa.Array:
        if self._stated == "number" and pa.types.is_floating(self.cells.type):
            return without_nan(self.cells).cast(pa.string())
        return self.cells.cast(pa.string())


def string_facts(cells: pa.Array) -> Facts:
    """Facts of strings that are taken as they are, looked at once for each distinct one."""
    encoded = cells.dictionary_encode()
    unique = encoded.dictionary
    counts = np.bincount(np.asarray(encoded.indices.drop_null()), minlength=len(unique)).astype(np.int64)
    spaced = np.asarray(pc.match_substring_regex(unique, r"\s")).astype(bool)
    return Facts(
        missing=cells.null_count,
        others=int(counts.sum()),
        distinct=len(unique),
        spaced=int(counts[spaced].sum()),
        length=int((counts * np.asarray(pc.binary_length(unique))).sum()),
    )


def _storable(cells: pa.Array) -> pa.Array:
    """``cells`` without dictionaries, large offsets, views, half floats, zones and other ways to write the same."""
    storage = cells.type
    if pa.types.is_dictionary(storage):
        cells, storage = cells.dictionary_decode(), storage.value_type
    if pa.types.is_large_string(storage) or pa.types.is_string_view(storage):
        return cells.cast(pa.string())
    if pa.types.is_null(storage):
        return cells.cast(pa.float64())
    if pa.types.is_timestamp(storage) or pa.types.is_date(storage):
        return _moments(cells)
    return cells


def _moments(cells: pa.Array) -> pa.Array:
    """Dates as UTC without a zone, in microseconds."""
    if pa.types.is_timestamp(cells.type) and cells.type.tz is not None:
        cells = cells.cast(pa.timestamp(cells.type.unit))  # the stored number is UTC whatever the zone
    try:
        moments = cells.cast(STORAGE["date"], safe=not _finer(cells.type))
    except pa.ArrowInvalid:
        raise refusal("out-of-range", "expected dates of the years 1 to 9999") from None
    bounds = pc.min_max(moments.cast(pa.int64())).as_py()
    least, most = bounds["min"], bounds["max"]
    if least is not None and (least < FIRST_DAY.astype(np.int64) or most > LAST_DAY.astype(np.int64)):
        raise refusal("out-of-range", "expected dates of the years 1 to 9999")
    return moments


def _finer(storage: pa.DataType) -> bool:
    """Nanoseconds are cut to microseconds; everything coarser must fit."""
    return bool(pa.types.is_timestamp(storage)) and storage.unit == "ns"
