"""How a job is told: as it stands, and when it is accepted."""

from typing import Any

from sqlalchemy.orm import Session

from app.jobs.schemas import Job, JobError, Progress
from app.pages import Warned
from app.replies import Reply
from store import jobs

ROUTE = "/v1/jobs"
_NO_PROGRESS: dict[str, Any] = {**dict.fromkeys(Progress.model_fields), "metrics": {}}


def accepted(session: Session, job: jobs.Job) -> Reply:
    """The 202 of a new job."""
    return Reply(202, show(session, job).model_dump_json(), {"Location": f"{ROUTE}/{job.id}", "Retry-After": "1"})


def show(session: Session, job: jobs.Job) -> Job:
    """The job on the wire."""
    return Job(
        id=job.id,
        object="job",
        kind=job.kind,
        name=job.name,
        status=job.status,
        attempt=job.attempt,
        queue_position=jobs.queue_position(session, job),
        spec=job.spec,
        environment=job.environment,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        updated_at=job.updated_at,
        progress=Progress.model_validate(_NO_PROGRESS | job.progress),
        model=job.model_id,
        dataset=job.dataset_id,
        result=job.result,
        error=None if job.error is None else JobError.model_validate(job.error),
        warnings=[Warned.model_validate(warning) for warning in job.warnings],
        metadata=job.metadata,
        retried_from=job.retried_from,
    )
