"""From a request to columns: what every model needs checked before its own input schema is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app import strict_json
from app.errors import shorten
from app.rows import check_count, given, wrong
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
        raise wrong("", "wrong-type", f"expected a JSON object, found {kind(said)}")
    unknown = [name for name in said if name not in FIELDS]
    if unknown:
        found = shorten(unknown[0])
        raise wrong(pointer_to(found), "extra-field", f"expected only {', '.join(FIELDS)}; found {found!r}")
    tasks, strict = _tasks(said.get("tasks")), said.get("strict", False)
    if type(strict) is not bool:
        raise wrong("/strict", "wrong-type", f"expected true or false, found {kind(strict)}")
    rows = given(said, most_rows=most_rows)
    return Asked(rows.columns, rows.form, tasks, strict)


def _tasks(said: Any) -> tuple[str, ...] | None:
    if said is None:
        return None
    if type(said) is not list or not all(type(name) is str for name in said):
        raise wrong("/tasks", "wrong-type", f"expected a list of task names, found {kind(said)}")
    if not said:
        raise wrong("/tasks", "no-tasks", "expected at least one task name, found none")
    return tuple(said)


def _check_rows(most_rows: int, said: Any) -> None:
    """Refuse a million rows before anything is done for each of them."""
    if type(said) is dict and type(said.get("rows")) is list and len(said["rows"]) > most_rows:
        check_count(len(said["rows"]), most_rows, "/rows")
