"""The job as a value, and the writes and reads that need no lease."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, insert, or_, select
from sqlalchemy.orm import Session

from store.datasets import pin
from store.errors import InvalidCursor, NotFound
from store.ids import new_id
from store.jobs.events import insert_events
from store.lifecycle import Status
from store.models import pin as pin_model
from store.paging import AnySelect, Page, keyset
from store.tables import JobDatasetRow, JobLabelRow, JobModelRow, JobRow


@dataclass(frozen=True)
class Job:
    """A job as it stood when it was read. Each field has its sentence in ``store.tables.JobRow``."""

    id: str
    project_id: str
    kind: str
    name: str | None
    status: Status
    queue: str
    priority: int
    spec: dict[str, Any]
    warnings: list[dict[str, Any]]
    metadata: dict[str, Any]
    attempt: int
    crash_count: int
    cancel_requested_at: datetime | None
    keep_best: bool
    progress: dict[str, Any]
    environment: dict[str, Any] | None
    model_id: str | None
    dataset_id: str | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None
    last_event: int
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    retried_from: str | None


_COLUMNS = tuple(getattr(JobRow, "labels" if field.name == "metadata" else field.name) for field in fields(Job))


def add(
    session: Session,
    project_id: str,
    *,
    now: datetime,
    kind: str,
    name: str | None,
    spec: Mapping[str, Any],
    queue: str,
    priority: int,
    metadata: Mapping[str, Any],
    datasets: Collection[str],
    models: Collection[str] = (),
    warnings: Sequence[Mapping[str, Any]] = (),
    retried_from: str | None = None,
) -> Job:
    """Queue a job that reads ``datasets`` and asks ``models``, none of which can be deleted until it ends.

    Raises DatasetNotFound, DatasetDeleted, ModelNotFound, ModelDeleted.
    """
    pin(session, project_id, datasets)
    for model_id in sorted(set(models)):  # in one order, so that no two transactions wait for each other
        pin_model(session, project_id, model_id)
    job_id = new_id("job")
    session.execute(
        insert(JobRow).values(
            id=job_id,
            project_id=project_id,
            kind=kind,
            name=name,
            status="queued",
            queue=queue,
            priority=priority,
            spec=dict(spec),
            warnings=[dict(warning) for warning in warnings],
            labels=dict(metadata),
            attempt=0,
            crash_count=0,
            lease_seq=0,
            keep_best=False,
            progress={"fraction": 0.0},
            last_event=1,
            created_at=now,
            updated_at=now,
            retried_from=retried_from,
        )
    )
    owner = {"project_id": project_id, "job_id": job_id}
    if datasets:
        session.execute(insert(JobDatasetRow), [{**owner, "dataset_id": key} for key in dict.fromkeys(datasets)])
    if models:
        session.execute(insert(JobModelRow), [{**owner, "model_id": key} for key in dict.fromkeys(models)])
    if metadata:
        labels = [{**owner, "key": key, "value": label(value)} for key, value in metadata.items()]
        session.execute(insert(JobLabelRow), labels)
    insert_events(session, **owner, attempt=0, last=1, now=now, items=[("status", {"status": "queued", "attempt": 0})])
    return get(session, project_id, job_id)


def label(value: Any) -> str:
    """A metadata value as the text that a filter compares with."""
    return value if isinstance(value, str) else json.dumps(value, allow_nan=False, sort_keys=True)


def get(session: Session, project_id: str, job_id: str) -> Job:
    """Raises NotFound, for a foreign job too."""
    row = session.execute(_of(project_id).where(JobRow.id == job_id)).first()
    if row is None:
        raise NotFound("job", job_id)
    return Job(*row)


def page(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    descending: bool = True,
    status: str | None = None,
    kind: str | None = None,
    name: str | None = None,
    created_after: datetime | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Page[Job]:
    """The project's jobs by time of creation, newest first. Raises InvalidCursor when ``after`` is none of them."""
    statement = _of(project_id)
    for column, wanted in ((JobRow.status, status), (JobRow.kind, kind), (JobRow.name, name)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if created_after is not None:
        statement = statement.where(JobRow.created_at > created_after)
    for key, value in (metadata or {}).items():
        labelled = select(JobLabelRow.job_id).where(
            JobLabelRow.project_id == project_id, JobLabelRow.key == key, JobLabelRow.value == value
        )
        statement = statement.where(JobRow.id.in_(labelled))
    if after is not None and session.execute(_of(project_id).where(JobRow.id == after)).first() is None:
        raise InvalidCursor(after)
    rows = keyset(session, statement, key=JobRow.id, after=after, limit=limit, descending=descending)
    return Page(tuple(Job(*row) for row in rows.items), rows.has_more)


def _of(project_id: str) -> AnySelect:
    return select(*_COLUMNS).where(JobRow.project_id == project_id)


def queue_position(session: Session, job: Job) -> int | None:
    """1 for the job that is claimed next; None when it does not wait. Jobs in backoff keep their place."""
    if job.status != "queued":
        return None
    ahead = or_(JobRow.priority > job.priority, and_(JobRow.priority == job.priority, JobRow.id < job.id))
    counted = select(func.count()).where(JobRow.queue == job.queue, JobRow.status == "queued", ahead)
    return 1 + session.execute(counted).scalar_one()
