"""Ended jobs done again: as they were (retry), or only to see whether the same model comes out (replay)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.errors import ApiError, first_problem
from app.jobs.answers import ROUTE, accepted
from app.jobs.checks import SOURCE_DATA_GONE
from app.jobs.references import dataset_references, model_references
from app.parts import Parts
from app.replies import Reply, fingerprint, keep, recall
from learning.errors import LearningError, Notice, pointer_to
from learning.specs import REPLAYED, JobSpec, ReplayJob, parse_spec
from store import datasets, idempotency, jobs
from store.errors import JobNotEnded, NotFound
from store.idempotency import Answer
from store.ids import is_id
from store.keys import Principal
from store.lifecycle import TERMINAL, queue_of

_Make = Callable[[Session, str, str, datetime], jobs.Job]


def retry(parts: Parts, who: Principal, job_id: str, body: Mapping[str, Any], key: str | None) -> Reply:
    """Queue an ended job once more, and ring for a worker."""
    return _again(parts, who, job_id, body, key, verb="retry", make=_retried)


def replay(parts: Parts, who: Principal, job_id: str, body: Mapping[str, Any], key: str | None) -> Reply:
    """Queue a job that trains again what this one trained and compares, and ring for a worker."""
    return _again(parts, who, job_id, body, key, verb="replay", make=_replayed)


def _again(
    parts: Parts, who: Principal, job_id: str, body: Mapping[str, Any], key: str | None, *, verb: str, make: _Make
) -> Reply:
    """Make a job of another one, of which everything is known, so ``body`` has nothing to say."""
    if body:
        detail = f"expected no body: a {verb} is of the job as it was"
        raise first_problem([{"pointer": pointer_to(name), "code": "extra-field", "detail": detail} for name in body])
    if not is_id(job_id, "job"):
        raise NotFound("job", job_id)
    mark = fingerprint(body)
    request = idempotency.Request(who.project_id, "POST", f"{ROUTE}/{job_id}/{verb}", key) if key else None
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        reserved = idempotency.reserve(session, request, now=now, fingerprint=mark) if request else None
        if isinstance(reserved, Answer):
            return recall(reserved)
        job = make(session, who.project_id, job_id, now)
        reply = accepted(session, job)
        keep(session, reserved, reply, now=now, mark=mark)
    parts.doorbell.ring(job.queue)
    return reply


def _retried(session: Session, project_id: str, job_id: str, now: datetime) -> jobs.Job:
    """The job once more. What it reads only to tell what its source forgets may be gone: then that is not told."""
    job = jobs.get(session, project_id, job_id)
    if job.kind != "transfer":
        return jobs.retry(session, project_id, job_id, now=now)
    read = datasets.read_by(session, project_id, job_id)
    beside = [one for one in read if one.id != job.spec["task"]["dataset"]]
    if all(one.deleted_at is None for one in beside):
        return jobs.retry(session, project_id, job_id, now=now)
    without = [one.id for one in beside]
    return jobs.retry(session, project_id, job_id, now=now, without=without, warnings=[_warning(SOURCE_DATA_GONE)])


def _warning(notice: Notice) -> Mapping[str, Any]:
    return {"code": notice.code, "detail": notice.detail, "pointer": notice.pointer}


def _replayed(session: Session, project_id: str, job_id: str, now: datetime) -> jobs.Job:
    job = jobs.get(session, project_id, job_id)
    spec = _replayable(job)
    asked = ReplayJob(
        job=job.id,
        model=str(job.model_id),
        spec=job.spec,
        environment=job.environment,
        name=job.name,
        priority=job.priority,
        metadata=job.metadata,
    )
    return jobs.add(
        session,
        project_id,
        now=now,
        kind=asked.kind,
        name=asked.name,
        spec=asked.model_dump(mode="json"),
        queue=queue_of(asked.kind),
        priority=asked.priority,
        metadata=asked.metadata,
        datasets=[*dict.fromkeys(dataset for _, dataset in dataset_references(spec))],
        models=[*dict.fromkeys([*(model for _, model in model_references(spec)), asked.model])],
    )


def _replayable(job: jobs.Job) -> JobSpec:
    """What the job did, when it can be done again and compared.

    Raises:
        JobNotEnded: it has not yet come to a model.
        ApiError: ``nothing-to-replay``, with the reason.
    """
    if job.status not in TERMINAL:
        raise JobNotEnded(job.id, job.status)
    if job.kind not in REPLAYED:
        some = ", ".join(sorted(REPLAYED))
        raise ApiError(
            "nothing-to-replay", f"expected a job that trained a model ({some}), found one of kind {job.kind}"
        )
    if job.status != "succeeded" or job.model_id is None:
        raise ApiError("nothing-to-replay", f"expected a job that succeeded with a model, found {job.id} {job.status}")
    try:
        return parse_spec(job.spec)
    except LearningError as error:
        detail = f"expected a spec that this release reads, found one of another: {error.detail}"
        raise ApiError("nothing-to-replay", detail) from None
