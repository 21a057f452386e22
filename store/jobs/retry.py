"""An ended job done again: the same spec on the same datasets, as a job of its own."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.errors import JobNotEnded
from store.jobs.record import Job, add, get
from store.lifecycle import TERMINAL
from store.tables import JobDatasetRow, JobModelRow


def retry(
    session: Session,
    project_id: str,
    job_id: str,
    *,
    now: datetime,
    without: Collection[str] = (),
    warnings: Sequence[Mapping[str, Any]] = (),
) -> Job:
    """Queue the job once more; the first one stays as it ended.

    ``without`` are datasets that it can do without, and this time does; ``warnings`` what is then to be said beside what
    the first one was told.

    Raises NotFound; JobNotEnded; DatasetDeleted, ModelDeleted when something that it reads is gone by now.
    """
    job = get(session, project_id, job_id)
    if job.status not in TERMINAL:
        raise JobNotEnded(job_id, job.status)
    read = select(JobDatasetRow.dataset_id).where(JobDatasetRow.job_id == job_id).order_by(JobDatasetRow.dataset_id)
    asked = select(JobModelRow.model_id).where(JobModelRow.job_id == job_id).order_by(JobModelRow.model_id)
    return add(
        session,
        project_id,
        now=now,
        kind=job.kind,
        name=job.name,
        spec=job.spec,
        queue=job.queue,
        priority=job.priority,
        metadata=job.metadata,
        datasets=[dataset for dataset in session.scalars(read) if dataset not in without],
        models=session.scalars(asked).all(),
        warnings=[*job.warnings, *warnings],
        retried_from=job_id,
    )
