"""From a request to supports and queries: what every model needs checked before its own input schema is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from app import strict_json
from app.adaptations import fields
from app.adaptations.fields import Key
from app.errors import ApiError, first_problem
from app.rows import Given, check_count, given, wrong
from app.strict_json import kind
from learning.errors import pointer_to

FIELDS = (
    "support", "supports", "target", "targets", "task_key", "query", "steps", "store", "name", "ttl_seconds",
)  # fmt: skip
LEVELS = 6
"""How deep a cell of the query of one of several supports lies."""
ONE_FIELDS = ("rows", "columns", "dataset", "query", "task_key")


@dataclass(frozen=True)
class Task:
    """One support set: rows, or the id of a dataset of them. ``at`` and ``query_at`` are pointers into the body."""

    key: str | None
    support: Given | str
    at: str
    query: Given | None
    query_at: str
    task_key: Key | None
    key_at: str


@dataclass(frozen=True)
class Asked:
    """What to adapt to, and what to do with the children. ``many``: the request said ``supports``."""

    tasks: tuple[Task, ...]
    many: bool
    targets: tuple[str, ...] | None
    listed: bool
    """Whether they were said as ``targets``: the answer then tells of each."""
    steps: int | None
    store: bool
    name: str | None
    ttl_seconds: float | None


@dataclass(frozen=True)
class Limits:
    """What one request may bring: rows in all supports and queries together, rows in one support, and supports."""

    rows: int
    support_rows: int
    supports: int


def parse(body: bytes, limits: Limits) -> Asked:
    """The request that ``body`` makes.

    Raises:
        ApiError: the JSON is not clear, a field is not of its shape, or there are no or too many rows.
    """
    said = strict_json.parse(body, exact=False, levels=LEVELS, glance=partial(_check_rows, limits.rows))
    if type(said) is not dict:
        raise wrong("", "wrong-type", f"expected a JSON object, found {kind(said)}")
    if b"\\u0000" in body and (bad := next(strict_json.nul_pointers(said), None)) is not None:
        raise wrong(bad, "invalid-character", "expected text without NUL, found one")
    fields.known(said, FIELDS, "")
    if ("support" in said) == ("supports" in said):
        found = "both" if "support" in said else "neither"
        raise wrong("", "missing-field", f"expected either support or supports, found {found}")
    many = "supports" in said
    if many and said.get("name") is not None:
        raise wrong("/name", "extra-field", "expected no name beside supports, whose keys are the names; found one")
    targets = fields.targets(said)
    query = _query(said.get("query"), limits, "/query")
    shared = (query, fields.task_key(said.get("task_key"), "/task_key"))
    tasks = _many(said["supports"], shared, limits) if many else (_single(said["support"], shared, limits),)
    _check_total(tasks, limits)
    return Asked(
        tasks=tasks,
        many=many,
        targets=targets,
        listed=said.get("targets") is not None,
        steps=fields.steps(said.get("steps")),
        store=fields.stored(said.get("store", True)),
        name=fields.model_name(said.get("name"), "/name"),
        ttl_seconds=fields.seconds(said.get("ttl_seconds")),
    )


def _check_rows(most_rows: int, said: Any) -> None:
    """Refuse a million rows before anything is done for each of them."""
    support = said.get("support") if type(said) is dict else None
    if type(support) is dict and type(support.get("rows")) is list and len(support["rows"]) > most_rows:
        check_count(len(support["rows"]), most_rows, "/support/rows")


_Shared = tuple[Given | None, Key | None]


def _single(said: Any, shared: _Shared, limits: Limits) -> Task:
    if type(said) is str:
        support: Given | str = fields.dataset_id(said, "/support")
    else:
        fields.known(fields.mapping(said, "/support"), ("rows", "columns"), "/support")
        support = _support(said, limits, "/support")
    return Task(None, support, "/support", shared[0], "/query", shared[1], "/task_key")


def _many(said: Any, shared: _Shared, limits: Limits) -> tuple[Task, ...]:
    tasks = []
    if not fields.mapping(said, "/supports"):
        raise wrong("/supports", "no-tasks", "expected at least one support, found none")
    if len(said) > limits.supports:
        detail = f"expected at most {limits.supports} supports in one request, found {len(said)}"
        raise wrong("/supports", "too-many-tasks", detail)
    for key, one in said.items():
        at = pointer_to("supports", key)
        fields.model_name(key, at)
        fields.known(fields.mapping(one, at), ONE_FIELDS, at)
        if "dataset" in one and ("rows" in one or "columns" in one):
            raise wrong(at, "missing-field", "expected one of rows, columns and dataset, found several")
        support = fields.dataset_id(one["dataset"], at + "/dataset") if "dataset" in one else _support(one, limits, at)
        query, query_at = _query(one.get("query"), limits, at + "/query"), at + "/query"
        task_key, key_at = fields.task_key(one.get("task_key"), at + "/task_key"), at + "/task_key"
        if query is None:
            query, query_at = shared[0], "/query"
        if task_key is None:
            task_key, key_at = shared[1], "/task_key"
        tasks.append(Task(key, support, at, query, query_at, task_key, key_at))
    return tuple(tasks)


def _support(said: Mapping[str, Any], limits: Limits, at: str) -> Given:
    found = given(said, most_rows=limits.rows, at=at)
    if found.count > limits.support_rows:
        raise too_many_shots(found.count, limits.support_rows, f"{at}/{found.form}")
    return found


def too_many_shots(count: int, most: int, at: str) -> ApiError:
    """A support that is too large for a request, and where it may go."""
    detail = f"expected at most {most} support rows in a request, found {count}: a job of kind adapt takes more"
    return first_problem(
        [{"pointer": at, "code": "too-many-shots", "detail": detail, "limit": most, "actual": count}], status=422
    )


def _check_total(tasks: tuple[Task, ...], limits: Limits) -> None:
    asked = {id(task.query): task.query.count for task in tasks if task.query is not None}
    rows = sum(asked.values()) + sum(task.support.count for task in tasks if isinstance(task.support, Given))
    if rows > limits.rows:
        detail = f"expected at most {limits.rows} rows in one request, found {rows}"
        raise first_problem(
            [{"pointer": "", "code": "too-many-rows", "detail": detail, "limit": limits.rows, "actual": rows}]
        )


def _query(said: Any, limits: Limits, at: str) -> Given | None:
    if said is None:
        return None
    fields.known(fields.mapping(said, at), ("rows", "columns"), at)
    return given(said, most_rows=limits.rows, at=at)
