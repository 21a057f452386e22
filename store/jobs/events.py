"""What happened to a job, under a durable number without gaps, so that a reader can go on where it stopped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store.tables import EventRow, JobRow

EventType = Literal["status", "progress", "metrics", "log"]


@dataclass(frozen=True)
class Event:
    """``seq`` counts from 1 within the job; ``attempt`` is 0 before the first claim."""

    seq: int
    attempt: int
    type: EventType
    data: dict[str, Any]
    at: datetime


_COLUMNS = tuple(getattr(EventRow, field.name) for field in fields(Event))


def events(session: Session, project_id: str, job_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
    """The job's events numbered above ``after``, oldest first. An unknown job has none."""
    rows = session.execute(
        select(*_COLUMNS)
        .where(EventRow.project_id == project_id, EventRow.job_id == job_id, EventRow.seq > after)
        .order_by(EventRow.seq)
        .limit(limit)
    )
    return [Event(*row) for row in rows]


def last_events(session: Session, job_ids: Collection[str]) -> dict[str, int]:
    """The newest event number of each job: one cheap read tells a poller of many jobs which of them changed.

    The caller has already shown that it may see these jobs.
    """
    rows = session.execute(select(JobRow.id, JobRow.last_event).where(JobRow.id.in_(job_ids)))
    return {row.id: row.last_event for row in rows}


def insert_events(
    session: Session,
    *,
    project_id: str,
    job_id: str,
    attempt: int,
    last: int,
    now: datetime,
    items: Sequence[tuple[EventType, Mapping[str, Any]]],
) -> None:
    """Write ``items`` as the events up to number ``last``, which the caller has just reserved in the job's row."""
    if not items:
        return
    first = last - len(items) + 1
    session.execute(
        insert(EventRow),
        [
            {
                "project_id": project_id,
                "job_id": job_id,
                "seq": first + index,
                "attempt": attempt,
                "type": type_,
                "data": dict(data),
                "at": now,
            }
            for index, (type_, data) in enumerate(items)
        ],
    )
