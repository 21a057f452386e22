"""The series of a job: which of them belong to a task, and where a page of them ends."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson

from app.errors import first_problem, shorten
from learning.planning.grouping import group_name
from store.errors import InvalidCursor
from store.jobs import Point

Position = tuple[str, str | None, int]
"""Name, task and step of a point."""


def measured_under(spec: Mapping[str, Any], task: str) -> str:
    """The task that the series of ``task`` are kept under, empty for the whole job's.

    Losses are measured for each listed task, and for each target over all groups; in a job of one they are the job's.

    Raises:
        ApiError: ``unknown-task`` for what is neither the name of a task of this job nor one of its targets.
    """
    if spec.get("kind") == "replay":  # the series of what it trains again
        spec = spec["spec"]
    # a transfer has one task; a job that asks stored models has none, and no series; those of a meta job are its own
    tasks = [] if spec.get("kind") == "meta" else spec.get("tasks", [spec["task"]] if "task" in spec else [])
    if isinstance(tasks, list):
        names = [one["name"] for one in tasks]
        found = task if task in names else None
    else:
        names = [one["target"] for one in tasks["targets"]]
        found = next((name for name in names if task == name or _is_of(task, name, tasks["group_by"])), None)
    if found is None:
        some = ", ".join(shorten(name) for name in names[:10]) + (" …" if len(names) > 10 else "")
        known = f"such as {some}" if names else "which measures none"
        detail = f"expected the name of a task of this job, {known}; found {shorten(task)!r}"
        raise first_problem([{"location": "query/task", "code": "unknown-task", "detail": detail}])
    return found if len(names) > 1 else ""


def _is_of(task: str, target: str, group_by: list[str]) -> bool:
    """Whether ``task`` is named as a group's task of ``target``: ``shop=17/demand``."""
    if not task.endswith(f"/{target}"):
        return False
    parts = task.removesuffix(f"/{target}").split("/")
    starts = [group_name({column: ""}) for column in group_by]
    return len(parts) == len(starts) and all(part.startswith(start) for part, start in zip(parts, starts, strict=True))


def cursor(point: Point) -> str:
    """Where ``point`` stands, as text for ``after``."""
    return base64.urlsafe_b64encode(orjson.dumps([point.name, point.task, point.step])).decode().rstrip("=")


def position(after: str) -> Position:
    """The place that a cursor names.

    Raises:
        InvalidCursor: it is none that ``cursor`` made.
    """
    try:
        padded = after.encode("ascii") + b"=" * (-len(after) % 4)
        said = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError):
        raise InvalidCursor(after) from None
    match said:
        case [str() as name, None | str() as task, int() as step] if 0 <= step < 2**31 and "\0" not in f"{name}{task}":
            return name, task, step
    raise InvalidCursor(after)
