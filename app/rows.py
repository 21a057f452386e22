"""Rows as clients write them, a list of objects or an object of lists, as columns of one length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import ApiError, first_problem, shorten
from app.strict_json import kind
from learning.errors import pointer_to


@dataclass(frozen=True)
class Given:
    """Columns of one length, and which form the client wrote them in, for pointers into its body."""

    columns: Mapping[str, Sequence[Any]]
    form: Literal["rows", "columns"]

    @property
    def count(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def given(said: Mapping[str, Any], *, most_rows: int, at: str = "") -> Given:
    """What ``said``, which lies at the pointer ``at``, brings as ``rows`` or as ``columns``.

    Raises:
        ApiError: it brings both or neither, they are not of one shape, or there are none or too many.
    """
    if ("rows" in said) == ("columns" in said):
        found = "both" if "rows" in said else "neither"
        raise wrong(at, "missing-field", f"expected either rows or columns, found {found}")
    if "rows" in said:
        return Given(_transposed(said["rows"], most_rows, at + "/rows"), "rows")
    return Given(_checked(said["columns"], most_rows, at + "/columns"), "columns")


def _transposed(rows: Any, most_rows: int, at: str) -> Mapping[str, Sequence[Any]]:
    if type(rows) is not list:
        raise wrong(at, "wrong-type", f"expected a list of rows, found {kind(rows)}")
    check_count(len(rows), most_rows, at)
    first = rows[0]
    for position, row in enumerate(rows):
        if type(row) is not dict:
            raise wrong(f"{at}/{position}", "wrong-type", f"expected a row as an object, found {kind(row)}")
        if row.keys() != first.keys():
            odd = shorten(min(row.keys() ^ first.keys()))
            detail = f"expected the keys of the first row in every row, found a difference at {odd!r}"
            raise wrong(f"{at}/{position}", "ragged-rows", detail)
    return {name: [row[name] for row in rows] for name in first}


def _checked(columns: Any, most_rows: int, at: str) -> Mapping[str, Sequence[Any]]:
    if type(columns) is not dict:
        raise wrong(at, "wrong-type", f"expected an object of columns, found {kind(columns)}")
    count: int | None = None
    for name, values in columns.items():
        if type(values) is not list:
            raise wrong(at + pointer_to(name), "wrong-type", f"expected a list of values, found {kind(values)}")
        count = len(values) if count is None else count
        if len(values) != count:
            detail = f"expected {count} values as in the first column, found {len(values)}"
            raise wrong(at + pointer_to(name), "ragged-rows", detail)
    check_count(count or 0, most_rows, at)
    return columns


def check_count(count: int, most_rows: int, at: str) -> None:
    """Raises ApiError when there are no rows, or more than one request may bring."""
    if count == 0:
        raise wrong(at, "empty-rows", "expected at least one row, found none")
    if count > most_rows:
        detail = f"expected at most {most_rows} rows in one request, found {count}"
        raise first_problem(
            [{"pointer": at, "code": "too-many-rows", "detail": detail, "limit": most_rows, "actual": count}]
        )


def wrong(pointer: str, code: str, detail: str) -> ApiError:
    """One thing that is wrong with a body, and where."""
    return first_problem([{"pointer": pointer, "code": code, "detail": detail}])
