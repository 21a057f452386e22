"""JSON values of one column, strictly read: what does not fit is a problem with a pointer, never a guess."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learning.errors import Problem, pointer_to
from learning.tasks import ImageShape, described

#: The values of each column, one a row.
ColumnValues = Mapping[str, Sequence[Any]]
#: Whether the client wrote rows or columns, for pointers into its own body.
PointerStyle = Literal["rows", "columns"]

MAX_PROBLEMS = 50
_NONE = type(None)
_FITS: Mapping[str, tuple[type, ...]] = {"number": (float, int), "boolean": (bool,)}
_EXPECTED = {
    "number": "a number",
    "boolean": "true or false",
    "category": "a string",
    "text": "a string",
    "date": "an ISO 8601 date",
}
_FOUND = {bool: "a boolean", list: "a list", dict: "an object", int: "a number", float: "a number", _NONE: "null"}


def parse_numbers(
    columns: ColumnValues, kind: Literal["number", "boolean"], names: Sequence[str], style: PointerStyle
) -> tuple[NDArray[np.float64], list[Problem]]:
    """Return number or boolean columns as ``[n, len(names)]``, null as NaN, and the values that do not fit."""
    flat = list(chain.from_iterable([columns[name] for name in names]))
    found = set(map(type, flat))
    if found <= {*_FITS[kind], _NONE}:
        try:
            block = np.array(flat, np.float64)
        except OverflowError:  # an integer past every float
            block = np.full(len(flat), np.inf)
        nulls = flat.count(None) if _NONE in found else 0
        # Null became NaN; one more NaN, or an infinity, was written as such.
        if np.count_nonzero(np.isfinite(block)) == len(flat) - nulls:
            return block.reshape(len(names), -1).T, []
    odd = chain.from_iterable(_number_problems(columns[name], name, kind, style) for name in names)
    if problems := list(islice(odd, MAX_PROBLEMS)):
        return np.full((len(flat) // max(1, len(names)), len(names)), np.nan), problems
    # Subclasses of float, as numpy's numbers are.
    return np.array(flat, np.float64).reshape(len(names), -1).T, []


def _number_problems(values: Sequence[Any], name: str, kind: str, style: PointerStyle) -> Iterator[Problem]:
    for row, value in enumerate(values):
        if value is None:
            continue
        if not isinstance(value, _FITS[kind]) or isinstance(value, bool) != (kind == "boolean"):
            yield wrong_type(value, kind, name, row, style)
        elif not _finite(value):
            detail = f"expected a finite number for {name[:64]!r}, found one past the range of a 64-bit float, or none at all"
            yield Problem(cell(name, row, style), "non-finite-value", detail)


def _finite(value: Any) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def parse_dates(values: Sequence[Any], name: str, style: PointerStyle) -> tuple[NDArray[np.datetime64], list[Problem]]:
    """Return a date column as ``[n]`` datetime64[us] in UTC, null as NaT, and the values that do not fit."""
    out: NDArray[np.datetime64] = np.full(len(values), "NaT", "datetime64[us]")
    problems = []
    for row, value in enumerate(values):
        if value is None:
            continue
        if (date := to_datetime(value)) is None:
            problems.append(wrong_type(value, "date", name, row, style))
        else:
            out[row] = np.datetime64(date, "us")
    return out, problems[:MAX_PROBLEMS]


def parse_images(
    values: Sequence[Any], name: str, shape: ImageShape, style: PointerStyle
) -> tuple[NDArray[np.uint8], list[Problem]]:
    """Return images that were decoded already as ``[n, height, width, channels]``, and the values that are none."""
    channels, height, width = shape
    out = np.zeros((len(values), height, width, channels), np.uint8)
    problems = []
    for row, value in enumerate(values):
        if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.shape == out.shape[1:]:
            out[row] = value
            continue
        found = (
            f"an array {list(value.shape)}" if isinstance(value, np.ndarray) else _FOUND.get(type(value), "a string")
        )
        detail = f"expected an {described(shape)} for {name[:64]!r}, found {found}"
        problems.append(Problem(cell(name, row, style), "invalid-image", detail))
    return out, problems[:MAX_PROBLEMS]


def to_datetime(value: Any) -> datetime | None:
    """The UTC time, without zone, that an ISO 8601 text names; a text without zone is UTC. None for anything else."""
    if type(value) is not str:
        return None
    try:
        date = datetime.fromisoformat(value)
        return date.astimezone(UTC).replace(tzinfo=None) if date.tzinfo is not None else date
    except (ValueError, OverflowError):
        return None


def not_text(values: Sequence[Any], kind: str, name: str, style: PointerStyle) -> list[Problem]:
    """The values of a category column that are neither text nor null."""
    wrong = (row for row, value in enumerate(values) if value is not None and type(value) is not str)
    return [wrong_type(values[row], kind, name, row, style) for row in islice(wrong, MAX_PROBLEMS)]


def wrong_type(value: Any, kind: str, name: str, row: int, style: PointerStyle) -> Problem:
    """The problem of one value; ``kind`` is what its column holds."""
    found = f"the string {value[:64]!r}" if isinstance(value, str) else _FOUND.get(type(value), "something else")
    detail = f"expected {_EXPECTED[kind]} or null for {name[:64]!r}, found {found}"
    return Problem(cell(name, row, style), "wrong-type", detail)


def cell(name: str, row: int, style: PointerStyle) -> str:
    """The pointer to one value of the request's body."""
    return pointer_to("rows", row, name) if style == "rows" else pointer_to("columns", name, row)
