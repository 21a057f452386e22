"""A user's wish to stop a job: at once while it waits, through its worker while it runs."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.errors import JobFinished, NotFound
from store.jobs.events import insert_events
from store.jobs.record import Job, get
from store.lifecycle import TERMINAL, move
from store.tables import JobRow


def request_cancel(session: Session, project_id: str, job_id: str, *, now: datetime, keep_best: bool = False) -> Job:
    """Cancel a waiting job, or mark a running one ``cancelling``; repeating it changes nothing but ``keep_best``.

    Raises NotFound; JobFinished once the job is terminal.
    """
    mine = (JobRow.project_id == project_id, JobRow.id == job_id)
    found = session.execute(select(JobRow.status, JobRow.keep_best).where(*mine).with_for_update()).first()
    if found is None:
        raise NotFound("job", job_id)
    if found.status in TERMINAL:
        raise JobFinished(job_id, found.status)
    keep_best = keep_best or found.keep_best
    if found.status == "cancelling":
        if keep_best != found.keep_best:
            session.execute(update(JobRow).where(*mine).values(keep_best=True, updated_at=now))
        return get(session, project_id, job_id)
    target = move(found.status, "cancelled" if found.status == "queued" else "cancelling")
    values: dict[str, Any] = {"status": target, "cancel_requested_at": now, "keep_best": keep_best, "updated_at": now}
    if target == "cancelled":
        values["finished_at"] = now
        values["run_after"] = None
    row = session.execute(
        update(JobRow)
        .where(*mine)
        .values(**values, last_event=JobRow.last_event + 1)
        .returning(JobRow.attempt, JobRow.last_event)
        .execution_options(synchronize_session=False)
    ).one()
    insert_events(
        session,
        project_id=project_id,
        job_id=job_id,
        attempt=row.attempt,
        last=row.last_event,
        now=now,
        items=[("status", {"status": target, "attempt": row.attempt})],
    )
    return get(session, project_id, job_id)
