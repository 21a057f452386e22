"""What can be done with jobs, in terms of the store."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.errors import ApiError, first_problem
from app.jobs import series
from app.jobs.answers import ROUTE, accepted, show
from app.jobs.checks import Checked, planned
from app.jobs.schemas import (
    Cancel,
    DryRun,
    Event,
    EventQuery,
    Job,
    JobQuery,
    MetricPoint,
    MetricQuery,
    TaskQuery,
)
from app.pages import Page, Warned
from app.pages import page as make_page
from app.parts import Parts
from app.problems import body_problems, translate
from app.replies import Reply, fingerprint, keep, recall
from learning.errors import Notice, Problem, SpecError
from store import idempotency, jobs
from store.errors import NotFound, StoreError
from store.idempotency import Answer
from store.ids import is_id
from store.keys import Principal
from store.lifecycle import queue_of
from store.paging import Page as StorePage
from store.session import Database


def submit(parts: Parts, who: Principal, body: Mapping[str, Any], key: str | None) -> Reply:
    """Store the job and, in the same transaction, the answer under its idempotency key; then ring for a worker."""
    mark = fingerprint(body)
    request = idempotency.Request(who.project_id, "POST", ROUTE, key) if key else None
    if request is not None:
        # a replay needs neither the plan nor the datasets, which may be gone by now
        with parts.database.reading() as session:
            now = parts.database.now(session)
            stored = idempotency.lookup(session, request, now=now, fingerprint=mark)
        if stored is not None:
            return recall(stored)
    plan = planned(parts, who, body)
    if plan.problems:
        raise SpecError(plan.problems)
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        reserved = idempotency.reserve(session, request, now=now, fingerprint=mark) if request else None
        if isinstance(reserved, Answer):  # another request with this key was faster
            return recall(reserved)
        job = _add(session, who, plan, now=now)
        reply = accepted(session, job)
        keep(session, reserved, reply, now=now, mark=mark)
    # after the commit, for a worker must find what it is called for
    parts.doorbell.ring(queue_of(plan.spec.kind))
    return reply


def _add(session: Session, who: Principal, plan: Checked, *, now: datetime) -> jobs.Job:
    spec = plan.spec
    return jobs.add(
        session,
        who.project_id,
        now=now,
        kind=spec.kind,
        name=spec.name,
        spec=spec.model_dump(mode="json"),
        queue=queue_of(spec.kind),
        priority=spec.priority,
        metadata=spec.metadata,
        datasets=plan.datasets,
        models=plan.models,
        warnings=[warning.model_dump() for warning in _warned(plan.notices)],
    )


def check(parts: Parts, who: Principal, body: Mapping[str, Any]) -> DryRun:
    """What the job would be, and everything that stands against it."""
    try:
        plan = planned(parts, who, body)
    except (SpecError, ApiError) as error:
        found = error if isinstance(error, ApiError) else translate(error)
        errors = [Warned(code=one["code"], detail=one["detail"], pointer=one.get("pointer")) for one in found.errors]
        return DryRun(spec=None, errors=errors, warnings=[])
    return DryRun(
        spec=plan.spec.model_dump(mode="json"),
        errors=_warned(plan.problems),
        warnings=_warned(plan.notices),
    )


def _warned(found: Sequence[Notice | Problem]) -> list[Warned]:
    return [Warned(code=one.code, detail=one.detail, pointer=one.pointer) for one in found]


def page(parts: Parts, who: Principal, query: JobQuery) -> Page[Job]:
    with parts.database.reading() as session:
        found = jobs.page(
            session,
            who.project_id,
            limit=query.limit,
            after=query.after,
            descending=query.order == "desc",
            status=query.status,
            kind=query.kind,
            name=query.name,
            created_after=query.created_after,
            metadata=query.metadata,
        )
        return make_page(found, show=lambda job: show(session, job), key=lambda job: job.id)


def get_with_version(parts: Parts, who: Principal, job_id: str) -> tuple[Job, int]:
    """The job and the number of its newest event."""
    with parts.database.reading() as session:
        job = _get(session, who, job_id)
        return show(session, job), job.last_event


def events(parts: Parts, who: Principal, job_id: str, query: EventQuery) -> Page[Event]:
    with parts.database.reading() as session:
        _get(session, who, job_id)
        found = jobs.events(session, who.project_id, job_id, after=query.after, limit=query.limit + 1)
    return make_page(
        StorePage(tuple(found[: query.limit]), len(found) > query.limit),
        show=lambda event: Event(id=event.seq, object="event", type=event.type, data=event.data, created_at=event.at),
        key=lambda event: event.seq,
    )


def metrics(parts: Parts, who: Principal, job_id: str, query: MetricQuery) -> Page[MetricPoint]:
    with parts.database.reading() as session:
        job = _get(session, who, job_id)
        found = jobs.metric_points(
            session,
            who.project_id,
            job_id,
            name=query.name,
            task=None if query.task is None else series.measured_under(job.spec, query.task),
            from_step=query.from_step,
            after=None if query.after is None else series.position(query.after),
            limit=query.limit + 1,
        )
    return make_page(
        StorePage(tuple(found[: query.limit]), len(found) > query.limit),
        show=lambda one: MetricPoint(name=one.name, task=one.task, step=one.step, value=one.value),
        key=series.cursor,
    )


def tasks(parts: Parts, who: Principal, job_id: str, query: TaskQuery) -> Page[dict[str, Any]]:
    with parts.database.reading() as session:
        _get(session, who, job_id)
        found = jobs.task_results(
            session, who.project_id, job_id, limit=query.limit, after=query.after, verdict=query.verdict
        )
    return make_page(found, show=lambda task: {"name": task.name, **task.data}, key=lambda task: task.name)


def cancel(parts: Parts, who: Principal, job_id: str, body: Mapping[str, Any]) -> Job:
    try:
        wish = Cancel.model_validate(body)
    except ValidationError as error:
        raise first_problem(body_problems(error)) from None
    with parts.database.transaction() as session:
        _known(job_id)
        now = parts.database.now(session)
        return show(session, jobs.request_cancel(session, who.project_id, job_id, now=now, keep_best=wish.keep_best))


def versions(database: Database) -> Callable[[list[str]], Mapping[str, int]]:
    """What the change-poller asks: the newest event number of each job, or nothing new while the database is away."""

    def read(job_ids: list[str]) -> Mapping[str, int]:
        try:
            with database.reading() as session:
                return jobs.last_events(session, job_ids)
        except StoreError:
            return dict.fromkeys(job_ids, -1)

    return read


def _known(job_id: str) -> None:
    if not is_id(job_id, "job"):
        raise NotFound("job", job_id)


def _get(session: Session, who: Principal, job_id: str) -> jobs.Job:
    _known(job_id)
    return jobs.get(session, who.project_id, job_id)
