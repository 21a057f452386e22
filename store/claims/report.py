"""What a running attempt tells: that it lives, how far it is, what it measured, what it can go on from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from sqlalchemy import delete, insert, select, tuple_, update
from sqlalchemy.orm import Session

from store.claims.fence import Checkpoint, Fence, hold
from store.jobs.events import EventType, insert_events
from store.lifecycle import Status
from store.tables import AttemptRow, CheckpointRow, JobRow, MetricPointRow

_CHECKPOINTS_KEPT = 2
# SQLite binds at most 32,766 values to a statement; a key has three
_KEYS_A_STATEMENT = 5000


@dataclass(frozen=True)
class Renewal:
    """What the holder learns with every renewal: whether it is still wanted."""

    status: Status
    cancel_requested: bool
    keep_best: bool


def renew(session: Session, fence: Fence, *, now: datetime, lease_seconds: float) -> Renewal:
    """Hold the job for ``lease_seconds`` from ``now``. Raises LeaseLost."""
    row = hold(session, fence, lease_seq=JobRow.lease_seq + 1, lease_expires_at=now + timedelta(seconds=lease_seconds))
    return Renewal(row.status, cancel_requested=row.status == "cancelling", keep_best=row.keep_best)


def report(
    session: Session,
    fence: Fence,
    *,
    now: datetime,
    progress: Mapping[str, Any] | None = None,
    points: Sequence[Mapping[str, Any]] = (),
    environment: Mapping[str, Any] | None = None,
    logs: Sequence[Mapping[str, Any]] = (),
    checkpoint: Checkpoint | None = None,
    resumed_step: int | None = None,
) -> None:
    """Store what the attempt told, all of it or nothing, as one event a kind.

    ``points`` are ``{"name", "task", "step", "value"}``, finite; ``logs`` are ``{"level", "message"}``.
    Say ``resumed_step`` before the first points: what earlier attempts measured after that step is dropped,
    and all of it when an attempt starts from scratch. Raises LeaseLost; ValueError for a value that is not finite.
    """
    items: list[tuple[EventType, Mapping[str, Any]]] = [("log", log) for log in logs]
    if progress is not None:
        items.append(("progress", progress))
    if points:
        items.append(("metrics", {"points": [dict(point) for point in points]}))
    values: dict[str, Any] = {"updated_at": now, "last_event": JobRow.last_event + len(items)}
    if progress is not None:
        values["progress"] = dict(progress)
    if environment is not None:
        values["environment"] = dict(environment)
    row = hold(session, fence, **values)
    place = {"project_id": row.project_id, "job_id": fence.job_id, "attempt": fence.attempt}
    if resumed_step is not None:
        _set_resumed(session, fence, resumed_step)
    if points:
        _add_points(session, fence, place, points)
    if checkpoint is not None:
        _add_checkpoint(session, place, checkpoint, now=now)
    insert_events(session, **place, last=row.last_event, now=now, items=items)


def _set_resumed(session: Session, fence: Fence, step: int) -> None:
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.job_id == fence.job_id, AttemptRow.attempt == fence.attempt)
        .values(resumed_step=step)
        .execution_options(synchronize_session=False)
    )
    _drop_superseded(session, fence)


def _drop_superseded(session: Session, fence: Fence) -> None:
    """Points that earlier attempts measured after the step this one went on from: it measures them again."""
    if fence.attempt == 1:
        return
    mine = (AttemptRow.job_id == fence.job_id, AttemptRow.attempt == fence.attempt)
    resumed = session.execute(select(AttemptRow.resumed_step).where(*mine)).scalar()
    stale = [MetricPointRow.job_id == fence.job_id, MetricPointRow.attempt < fence.attempt]
    if resumed is not None:
        stale.append(MetricPointRow.step > resumed)
    session.execute(delete(MetricPointRow).where(*stale).execution_options(synchronize_session=False))


def _add_points(session: Session, fence: Fence, place: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> None:
    """Write the points; one that is told twice keeps its last value."""
    rows = {}
    for point in points:
        if not isfinite(point["value"]):
            raise ValueError(f"expected a finite value of {point['name']}, found {point['value']}")
        key = (point["name"], point.get("task") or "", point["step"])
        rows[key] = {**place, "name": key[0], "task": key[1], "step": key[2], "value": float(point["value"])}
    _drop_superseded(session, fence)
    keys = list(rows)
    row = MetricPointRow
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        told = tuple_(row.name, row.task, row.step).in_(keys[start : start + _KEYS_A_STATEMENT])
        again = delete(row).where(row.job_id == fence.job_id, told)
        session.execute(again.execution_options(synchronize_session=False))
    session.execute(insert(row), list(rows.values()))


def _add_checkpoint(session: Session, place: Mapping[str, Any], checkpoint: Checkpoint, *, now: datetime) -> None:
    """Keep the newest two; one at the same or a later step, left by an earlier attempt, is superseded."""
    job_id = place["job_id"]
    options = {"synchronize_session": False}
    later = (CheckpointRow.job_id == job_id, CheckpointRow.step >= checkpoint.step)
    session.execute(delete(CheckpointRow).where(*later).execution_options(**options))
    session.execute(
        insert(CheckpointRow).values(
            **place, step=checkpoint.step, file=checkpoint.file, sha256=checkpoint.sha256, created_at=now
        )
    )
    steps = select(CheckpointRow.step).where(CheckpointRow.job_id == job_id).order_by(CheckpointRow.step.desc())
    old = session.scalars(steps.offset(_CHECKPOINTS_KEPT)).all()
    if old:
        session.execute(
            delete(CheckpointRow)
            .where(CheckpointRow.job_id == job_id, CheckpointRow.step.in_(old))
            .execution_options(**options)
        )
