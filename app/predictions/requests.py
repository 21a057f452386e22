"""From a request to columns: what every model needs checked before its own input schema is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app import strict_json
from app.errors import ApiError, first_problem, shorten
from app.strict_json import kind
from learning.errors import pointer_to

FIELDS = ("rows", "columns", "tasks", "strict")


@dataclass(frozen=True)
class Asked:
    """What to predict: columns of one length, and which form the client wrote them in, for pointers into its body."""

    columns: Mapping[str, Sequence[Any]]
    form: Literal["rows", "columns"]
    tasks: tuple[str, ...] | None
    strict: bool


def parse(body: bytes, *, most_rows: int) -> Asked:
    """The request that ``body`` makes.

    Raises:
        ApiError: the JSON is not clear, the shape is not rows or columns, or there are none or too many.
    """
    said = strict_json.parse(body, exact=False, glance=partial(_check_rows, most_rows))
    if type(said) is not dict:
        raise _wrong("", "wrong-type", f"expected a JSON object, found {kind(said)}")
    unknown = [name for name in said if name not in FIELDS]
    if unknown:
        found = shorten(unknown[0])
        raise _wrong(pointer_to(found), "extra-field", f"expected only {', '.join(FIELDS)}; found {found!r}")
    if ("rows" in said) == ("columns" in said):
        raise _wrong(
            "", "missing-field", "expected either rows or columns, found " + ("both" if "rows" in said else "neither")
        )
    tasks, strict = _tasks(said.get("tasks")), said.get("strict", False)
    if type(strict) is not bool:
        raise _wrong("/strict", "wrong-type", f"expected true or false, found {kind(strict)}")
    if "rows" in said:
        return Asked(_transposed(said["rows"], most_rows), "rows", tasks, strict)
    return Asked(_checked(said["columns"], most_rows), "columns", tasks, strict)


def _tasks(said: Any) -> tuple[str, ...] | None:
    if said is None:
        return None
    if type(said) is not list or not all(type(name) is str for name in said):
        raise _wrong("/tasks", "wrong-type", f"expected a list of task names, found {kind(said)}")
    if not said:
        raise _wrong("/tasks", "no-tasks", "expected at least one task name, found none")
    return tuple(said)


def _transposed(rows: Any, most_rows: int) -> Mapping[str, Sequence[Any]]:
    if type(rows) is not list:
        raise _wrong("/rows", "wrong-type", f"expected a list of rows, found {kind(rows)}")
    _check_count(len(rows), most_rows, "/rows")
    first = rows[0]
    for position, row in enumerate(rows):
        if type(row) is not dict:
            raise _wrong(f"/rows/{position}", "wrong-type", f"expected a row as an object, found {kind(row)}")
        if row.keys() != first.keys():
            odd = shorten(min(row.keys() ^ first.keys()))
            detail = f"expected the keys of the first row in every row, found a difference at {odd!r}"
            raise _wrong(f"/rows/{position}", "ragged-rows", detail)
    return {name: [row[name] for row in rows] for name in first}


def _checked(columns: Any, most_rows: int) -> Mapping[str, Sequence[Any]]:
    if type(columns) is not dict:
        raise _wrong("/columns", "wrong-type", f"expected an object of columns, found {kind(columns)}")
    count: int | None = None
    for name, values in columns.items():
        if type(values) is not list:
            raise _wrong(pointer_to("columns", name), "wrong-type", f"expected a list of values, found {kind(values)}")
        count = len(values) if count is None else count
        if len(values) != count:
            detail = f"expected {count} values as in the first column, found {len(values)}"
            raise _wrong(pointer_to("columns", name), "ragged-rows", detail)
    _check_count(count or 0, most_rows, "/columns")
    return columns


def _check_rows(most_rows: int, said: Any) -> None:
    """Refuse a million rows before anything is done for each of them."""
    if type(said) is dict and type(said.get("rows")) is list and len(said["rows"]) > most_rows:
        _check_count(len(said["rows"]), most_rows, "/rows")


def _check_count(count: int, most_rows: int, pointer: str) -> None:
    if count == 0:
        raise _wrong(pointer, "empty-rows", "expected at least one row, found none")
    if count > most_rows:
        detail = f"expected at most {most_rows} rows in one request, found {count}"
        raise first_problem(
            [{"pointer": pointer, "code": "too-many-rows", "detail": detail, "limit": most_rows, "actual": count}]
        )


def _wrong(pointer: str, code: str, detail: str) -> ApiError:
    return first_problem([{"pointer": pointer, "code": code, "detail": detail}])
