"""A batch of one column whose cells are JSON values: what the cells are, and their values."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from store.ingest.arrow_cells import string_facts
from store.ingest.canonical import STORAGE
from store.ingest.errors import refusal
from store.ingest.inference import EXACT, SHOWN, Facts, wild_rows
from store.ingest.json_text import kind
from store.ingest.literals import dates_where_possible
from store.ingest.text_cells import EXPECTED, TextCells


class JsonCells:
    """``values`` [n] of one column, None where missing. A string is never read as a number, but may be an ISO date."""

    def __init__(self, name: str, values: Sequence[Any], *, first_row: int, cell_bytes: int) -> None:
        self.name = name
        self.first_row = first_row
        self.values = values
        self._cell_bytes = cell_bytes
        for row, value in enumerate(values, start=first_row):
            if isinstance(value, (list, dict)):
                detail = "expected a number, a string, true, false or null as cell"
                raise refusal("unsupported-type", detail, row=row, column=name, actual=kind(value))
        self._text = _strings([value if isinstance(value, str) else None for value in values], name, first_row)
        self._checked = TextCells(name, self._text, first_row=first_row, decimal=".", cell_bytes=cell_bytes)

    def facts(self) -> Facts:
        """What the cells are, each counted once."""
        present = np.array([value is not None for value in self.values], dtype=bool)
        booleans = sum(isinstance(value, bool) for value in self.values)
        return (
            _string_facts(self._text) + self._number_facts() + Facts(missing=int((~present).sum()), booleans=booleans)
        )

    def _number_facts(self) -> Facts:
        rows = [i for i, value in enumerate(self.values) if _is_number(value)]
        if not rows:
            return Facts()
        doubles = np.array([_double(self.values[i]) for i in rows], dtype=np.float64)
        whole = [isinstance(self.values[i], int) for i in rows]
        infinite, too_large = wild_rows(doubles)
        return Facts(
            numbers=len(rows),
            fractional=len(rows) - sum(whole),
            exact=int((np.array(whole) & (np.abs(doubles) >= EXACT)).sum()),
            infinite=tuple((self.first_row + rows[i], _written(self.values[rows[i]])[:64]) for i in infinite[:SHOWN]),
            too_large=tuple((self.first_row + rows[i], _written(self.values[rows[i]])[:64]) for i in too_large[:SHOWN]),
        )

    def to(self, kind: str) -> pa.Array:
        """The cells as values of ``kind``; strings are read only where the type is declared.

        Raises:
            IngestError: 422 ``not-numeric``, ``not-boolean`` or ``not-a-date`` with the first cells that cannot be.
        """
        if kind in ("category", "text"):
            written = [None if value is None else _written(value) for value in self.values]
            return TextCells(
                self.name, _strings(written, self.name, self.first_row), first_row=self.first_row, decimal=".",
                cell_bytes=self._cell_bytes,
            ).cells  # fmt: skip
        read = (
            self._checked.to(kind).to_pylist() if self._text.null_count < len(self._text) else [None] * len(self.values)
        )
        own = [self._own(value, kind, row) for row, value in enumerate(self.values, start=self.first_row)]
        return pa.array([a if a is not None else b for a, b in zip(own, read, strict=True)], STORAGE[kind])

    def _own(self, value: Any, kind: str, row: int) -> Any:
        if value is None or isinstance(value, str):
            return None
        if kind == "number" and _is_number(value):
            return _double(value)
        if kind == "number":
            return float(value)
        if kind == "boolean" and isinstance(value, bool):
            return value
        code, wanted = EXPECTED[kind]
        detail = f"expected {wanted} (the column is declared {kind})"
        raise refusal(code, detail, row=row, column=self.name, actual=_written(value))


def _string_facts(text: pa.StringArray) -> Facts:
    strings = text.drop_null()
    if not len(strings):
        return Facts()
    dates = dates_where_possible(strings)
    found = string_facts(strings.filter(dates.is_null()))
    return found + Facts(dates=len(dates) - dates.null_count)


def _strings(values: Sequence[str | None], name: str, first_row: int) -> pa.StringArray:
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write and no text can hold
        row = next(i for i, value in enumerate(values, start=first_row) if value and not _encodable(value))
        detail = "expected text, found half of a surrogate pair"
        raise refusal("invalid-character", detail, row=row, column=name) from None


def _encodable(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _double(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _written(value: Any) -> str:
    """The value as JSON writes it; a string as it is."""
    return value if isinstance(value, str) else json.dumps(value)
