"""One row from a query string, typed by the model's input schema."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import ApiError, first_problem, shorten
from app.predictions.requests import Asked
from learning.header import Input

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
RESERVED = ("tasks", "strict")
"""Names that are no feature, unless the model has a feature of that name."""


def read(parameters: Sequence[tuple[str, str]], inputs: Sequence[Input]) -> Asked:
    """The row that the query string says.

    Raises:
        ApiError: a name twice, or a value that its column's type cannot be.
    """
    types = {column.name: column.type for column in inputs}
    row: dict[str, Any] = {}
    said: dict[str, str] = {}
    problems: list[dict[str, str]] = []
    for name, text in parameters:
        if name in row or name in said:
            problems.append(_problem(name, "duplicate-parameter", "expected each name once, found it again"))
        elif name in RESERVED and name not in types:
            said[name] = text
        else:
            value = _typed(text, types.get(name, "category"))
            if isinstance(value, ApiError):
                problems.append(_problem(name, value.code, value.detail))
            row[name] = value
    if problems:
        raise first_problem(problems)
    tasks = tuple(said["tasks"].split(",")) if "tasks" in said else None
    columns = {name: [value] for name, value in row.items()}
    return Asked(columns, "rows", tasks, _strict(said.get("strict", "false")))


def _strict(text: str) -> bool:
    if text not in BOOLEANS:
        raise first_problem([_problem("strict", "wrong-type", f"expected true or false, found {shorten(text)!r}")])
    return BOOLEANS[text]


def _typed(text: str, kind: str) -> Any:
    """The value that ``text`` is, or what is wrong with it. An empty text is a missing value."""
    if text == "":
        return None
    if kind == "number":
        if not NUMBER.fullmatch(text):
            return ApiError("wrong-type", f"expected a number, found {shorten(text)!r}")
        return float(text)
    if kind == "boolean":
        found = BOOLEANS.get(text.lower())
        return ApiError("wrong-type", f"expected true or false, found {shorten(text)!r}") if found is None else found
    return text


def relocated(problem: Mapping[str, Any]) -> dict[str, Any]:
    """A problem of ``/rows/0/name`` or ``/tasks/0`` as one of the query parameter."""
    _, _, rest = str(problem["pointer"]).partition("/rows/0/")
    name = rest.replace("~1", "/").replace("~0", "~") or str(problem["pointer"]).strip("/").partition("/")[0]
    return {**_problem(name, problem["code"], problem["detail"])}


def _problem(name: str, code: str, detail: str) -> dict[str, str]:
    return {"location": f"query/{shorten(name)}", "code": code, "detail": detail}
