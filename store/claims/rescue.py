"""Attempts that went away: given back by their worker, or found dead by another one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.claims.fence import Fence, hold, holding
from store.claims.finish import end_attempt
from store.lifecycle import MAX_CRASHES, Interruption, interrupt
from store.paging import AnySelect
from store.tables import AttemptRow, JobRow

_GRACE_SECONDS = 5.0
_WORKER_CRASHED: Mapping[str, Any] = {
    "code": "worker-crashed",
    "message": "The worker process died every time this job ran.",
    "param": None,
    "category": "server",
    "retryable": True,
}


@dataclass(frozen=True)
class Lease:
    """Who holds a job, as seen from outside."""

    fence: Fence
    project_id: str
    queue: str
    lease_seq: int
    expires_at: datetime
    host: str
    boot_id: str
    pid: int


def leases(session: Session) -> list[Lease]:
    """Every job that is held now."""
    return [_lease(row) for row in session.execute(_held())]


def expired(session: Session, now: datetime, *, grace_seconds: float = _GRACE_SECONDS) -> list[Lease]:
    """Leases that ended more than ``grace_seconds`` ago, oldest first.

    On SQLite ``now`` is this host's clock, which may jump: rescue only what you saw expired with the same
    ``lease_seq`` twice, half a lease apart by your own monotonic clock.
    """
    overdue = _held().where(JobRow.lease_expires_at < now - timedelta(seconds=grace_seconds))
    return [_lease(row) for row in session.execute(overdue.order_by(JobRow.lease_expires_at))]


def _held() -> AnySelect:
    return (
        select(
            JobRow.id,
            JobRow.attempt,
            JobRow.lease_owner,
            JobRow.project_id,
            JobRow.queue,
            JobRow.lease_seq,
            JobRow.lease_expires_at,
            AttemptRow.host,
            AttemptRow.boot_id,
            AttemptRow.pid,
        )
        .join(AttemptRow, (AttemptRow.job_id == JobRow.id) & (AttemptRow.attempt == JobRow.attempt))
        .where(JobRow.lease_owner.is_not(None))
    )


def _lease(row: Any) -> Lease:
    job_id, attempt, owner, *rest = row
    return Lease(Fence(job_id, attempt, owner), *rest)


def death(lease: Lease, *, host: str, boot_id: str, alive: Callable[[int], bool]) -> Literal["rebooted", "died"] | None:
    """How the lease's owner is known to be dead without waiting for its end; None when it may live.

    Only for an embedded installation, where one host has one name. A worker that has just started passes an
    ``alive`` that is False for its own pid: it holds nothing yet, so a lease under that pid is of a dead namesake.
    """
    if lease.host != host:
        return None
    if lease.boot_id != boot_id:
        return "rebooted"
    return None if alive(lease.pid) else "died"


def rescue(
    session: Session, lease: Lease, *, now: datetime, max_crashes: int = MAX_CRASHES, crash: bool = True
) -> str | None:
    """Take a dead owner's job away and return its new status: queued, cancelled, or failed at ``max_crashes``.

    ``crash=False`` after a reboot of the host, which is no fault of the job. None when the owner renewed or somebody
    else was faster: then nothing was changed.
    """
    still = select(JobRow.id).where(*holding(lease.fence), JobRow.lease_seq == lease.lease_seq).with_for_update()
    if session.execute(still).first() is None:
        return None
    return _give_up(session, lease.fence, now=now, outcome="lost", crash=crash, max_crashes=max_crashes, error=None)


def release(
    session: Session,
    fence: Fence,
    *,
    now: datetime,
    outcome: Interruption = "preempted",
    max_crashes: int = MAX_CRASHES,
    error: Mapping[str, Any] | None = None,
) -> str:
    """Give the job back as its holder and return its new status.

    ``preempted``: the worker stops, the job is queued again at no charge. ``lost``: its child died; that counts as a
    crash, and ``error`` says why should it have been the last. Raises LeaseLost.
    """
    crash = outcome == "lost"
    return _give_up(session, fence, now=now, outcome=outcome, crash=crash, max_crashes=max_crashes, error=error)


def _give_up(
    session: Session,
    fence: Fence,
    *,
    now: datetime,
    outcome: Interruption,
    crash: bool,
    max_crashes: int,
    error: Mapping[str, Any] | None,
) -> str:
    held = hold(session, fence, updated_at=now)
    back = interrupt(held.status, crash=crash, crash_count=held.crash_count, max_crashes=max_crashes)
    values: dict[str, Any] = {"crash_count": back.crash_count}
    if back.status == "queued":
        values["run_after"] = now + timedelta(seconds=back.backoff_seconds) if back.backoff_seconds else None
    if back.status == "failed":
        values["error"] = dict(error or _WORKER_CRASHED)
    end_attempt(session, fence, now=now, status=back.status, outcome=outcome, **values)
    return back.status
