"""What a job measured: its series while it runs, and the result of each of its learning tasks at the end."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from store.errors import InvalidCursor
from store.paging import Page, keyset
from store.tables import MetricPointRow, TaskResultRow


@dataclass(frozen=True)
class Point:
    """One value of one series; ``task`` is None where it belongs to the whole job."""

    name: str
    task: str | None
    step: int
    value: float


@dataclass(frozen=True)
class TaskResult:
    name: str
    verdict: str | None
    data: dict[str, Any]


def metric_points(
    session: Session,
    project_id: str,
    job_id: str,
    *,
    name: str | None = None,
    task: str | None = None,
    from_step: int | None = None,
    after: tuple[str, str | None, int] | None = None,
    limit: int | None = None,
) -> list[Point]:
    """The series of a job, by name, task and step; each step once, however often the job was resumed.

    ``task`` is empty for the series of the whole job; ``after`` are the name, task and step of the last point seen.
    """
    row = MetricPointRow
    statement = (
        select(row.name, row.task, row.step, row.value)
        .where(row.project_id == project_id, row.job_id == job_id)
        .order_by(row.name, row.task, row.step)
        .limit(limit)
    )
    if name is not None:
        statement = statement.where(row.name == name)
    if task is not None:
        statement = statement.where(row.task == task)
    if from_step is not None:
        statement = statement.where(row.step >= from_step)
    if after is not None:
        name, of_task, step = after
        statement = statement.where(tuple_(row.name, row.task, row.step) > tuple_(name, of_task or "", step))
    return [Point(found.name, found.task or None, found.step, found.value) for found in session.execute(statement)]


def task_results_named(
    session: Session, project_id: str, job_id: str, *, names: Collection[str]
) -> tuple[TaskResult, ...]:
    """What a job said of the tasks of these names, in the order of its spec."""
    row = TaskResultRow
    statement = select(row.name, row.verdict, row.data).where(
        row.project_id == project_id, row.job_id == job_id, row.name.in_(names)
    )
    return tuple(TaskResult(*found) for found in session.execute(statement.order_by(row.position)))


def task_results(
    session: Session,
    project_id: str,
    job_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    descending: bool = False,
    verdict: str | None = None,
) -> Page[TaskResult]:
    """The tasks of a job in the order of its spec, beyond the task named ``after``. Raises InvalidCursor."""
    row = TaskResultRow
    mine = (row.project_id == project_id, row.job_id == job_id)
    position = None
    if after is not None:
        position = session.execute(select(row.position).where(*mine, row.name == after)).scalar()
        if position is None:
            raise InvalidCursor(after)
    statement = select(row.name, row.verdict, row.data).where(*mine)
    if verdict is not None:
        statement = statement.where(row.verdict == verdict)
    found = keyset(session, statement, key=row.position, after=position, limit=limit, descending=descending)
    return Page(tuple(TaskResult(*item) for item in found.items), found.has_more)
