"""The one dialect-aware file (D18): how a transaction begins, what time it is, who may claim, and who still holds.

Both databases give the same promise: of all who try, one gets the job, and whoever lost it writes nothing more.
SQLite gives it by one writer at a time (BEGIN IMMEDIATE), PostgreSQL by row locks (FOR UPDATE SKIP LOCKED).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, Row, event, insert, or_, select, text, update
from sqlalchemy.orm import Session

from store.errors import LeaseLost
from store.inheritance import base_artifacts
from store.jobs.events import insert_events
from store.lifecycle import LEASED
from store.tables import AttemptRow, CheckpointRow, DatasetRow, JobDatasetRow, JobModelRow, JobRow, ModelRow

WRITES = "taskgraft_writes"
_SQLITE_BUSY_SECONDS = 5.0
_SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
_POSTGRES_SETTINGS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "30s",
    "timezone": "UTC",
}


def engine_options(url: URL) -> dict[str, Any]:
    """Keyword arguments for ``create_engine`` that make both databases fail soon rather than hang."""
    if url.get_backend_name() == "sqlite":
        patience = {} if "timeout" in url.query else {"timeout": _SQLITE_BUSY_SECONDS}
        return {"connect_args": patience, "pool_timeout": 10.0}
    connect: dict[str, Any] = {"connect_timeout": 5}
    if "options" not in url.query:
        connect["options"] = " ".join(f"-c {name}={value}" for name, value in _POSTGRES_SETTINGS.items())
    return {"connect_args": connect, "pool_pre_ping": True, "pool_timeout": 10.0}


def install_hooks(engine: Engine) -> None:
    """On SQLite: durable WAL, and every write transaction takes the write lock at its start, so it never fails halfway."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _begin_sqlite does
    for pragma in _SQLITE_PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def sql_clock(session: Session) -> datetime:
    """The database's clock, aware UTC: the only one that all hosts share."""
    if session.get_bind().dialect.name == "sqlite":
        now = session.scalar(text("SELECT strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now')"))
        return datetime.fromisoformat(str(now))
    at: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return at.astimezone(UTC)


@dataclass(frozen=True)
class Fence:
    """What an attempt shows with every write. Once another attempt began, it opens nothing."""

    job_id: str
    attempt: int
    owner: str


@dataclass(frozen=True)
class Checkpoint:
    """A file in the job's checkpoint folder that an attempt can go on from."""

    step: int
    file: str
    sha256: str


@dataclass(frozen=True)
class Claim:
    """A job, held. ``datasets`` maps each dataset id to the sha256 of its canonical Parquet."""

    fence: Fence
    project_id: str
    kind: str
    name: str | None
    queue: str
    spec: dict[str, Any]
    crash_count: int
    datasets: Mapping[str, str]
    models: Mapping[str, str]
    """Each model that the job asks, to the sha256 of its file."""
    bases: Mapping[str, str]
    """Each of them whose file only adds to another one's, to the sha256 of that one."""
    checkpoints: tuple[Checkpoint, ...]
    """Newest first."""


def waiting(session: Session, *, queue: str, now: datetime) -> bool:
    """Whether a claim would find something: a read, so that pollers of an empty queue take no write lock."""
    return session.execute(_eligible(queue, now).limit(1)).first() is not None


def claim(
    session: Session, *, queue: str, owner: str, now: datetime, lease_seconds: float, host: str, boot_id: str, pid: int
) -> Claim | None:
    """Take the best job that waits in ``queue``: attempt + 1, under a lease. None when there is none.

    ``owner`` must be fresh for every claim; ``host``, ``boot_id`` and ``pid`` say whose process to look for later.
    """
    found = session.execute(_eligible(queue, now).limit(1).with_for_update(of=JobRow, skip_locked=True)).first()
    if found is None:
        return None
    row = session.execute(
        update(JobRow)
        .where(JobRow.id == found.id, JobRow.status == "queued")
        .values(
            status="running",
            attempt=JobRow.attempt + 1,
            lease_owner=owner,
            lease_seq=0,
            lease_expires_at=now + timedelta(seconds=lease_seconds),
            run_after=None,
            started_at=found.started_at or now,
            updated_at=now,
            last_event=JobRow.last_event + 1,
        )
        .returning(
            JobRow.id,
            JobRow.project_id,
            JobRow.attempt,
            JobRow.kind,
            JobRow.name,
            JobRow.spec,
            JobRow.crash_count,
            JobRow.last_event,
        )
        .execution_options(synchronize_session=False)
    ).one()
    place = {"project_id": row.project_id, "job_id": row.id, "attempt": row.attempt}
    session.execute(
        insert(AttemptRow).values(**place, owner=owner, host=host, boot_id=boot_id, pid=pid, started_at=now)
    )
    moved = {"status": "running", "attempt": row.attempt}
    insert_events(session, **place, last=row.last_event, now=now, items=[("status", moved)])
    return Claim(
        fence=Fence(row.id, row.attempt, owner),
        project_id=row.project_id,
        kind=row.kind,
        name=row.name,
        queue=queue,
        spec=row.spec,
        crash_count=row.crash_count,
        datasets=_artifacts(session, row.id),
        models=_models(session, row.id),
        bases=base_artifacts(session, row.id),
        checkpoints=checkpoints(session, row.id),
    )


def _eligible(queue: str, now: datetime) -> Any:
    return (
        select(JobRow.id, JobRow.started_at)
        .where(
            JobRow.queue == queue,
            JobRow.status == "queued",
            or_(JobRow.run_after.is_(None), JobRow.run_after <= now),
        )
        .order_by(JobRow.priority.desc(), JobRow.id)
    )


def _artifacts(session: Session, job_id: str) -> dict[str, str]:
    rows = session.execute(
        select(DatasetRow.id, DatasetRow.artifact)
        .join(JobDatasetRow, JobDatasetRow.dataset_id == DatasetRow.id)
        .where(JobDatasetRow.job_id == job_id)
        .order_by(DatasetRow.id)
    )
    return {row.id: row.artifact for row in rows}


def _models(session: Session, job_id: str) -> dict[str, str]:
    rows = session.execute(
        select(ModelRow.id, ModelRow.artifact)
        .join(JobModelRow, JobModelRow.model_id == ModelRow.id)
        .where(JobModelRow.job_id == job_id)
        .order_by(ModelRow.id)
    )
    return {row.id: row.artifact for row in rows}


def checkpoints(session: Session, job_id: str) -> tuple[Checkpoint, ...]:
    """Those that the database knows of, newest first."""
    rows = session.execute(
        select(CheckpointRow.step, CheckpointRow.file, CheckpointRow.sha256)
        .where(CheckpointRow.job_id == job_id)
        .order_by(CheckpointRow.step.desc())
    )
    return tuple(Checkpoint(row.step, row.file, row.sha256) for row in rows)


def holding(fence: Fence) -> tuple[ColumnElement[bool], ...]:
    """The fence as SQL: this attempt, by this owner, still holds the job."""
    return (
        JobRow.id == fence.job_id,
        JobRow.status.in_(LEASED),
        JobRow.attempt == fence.attempt,
        JobRow.lease_owner == fence.owner,
    )


def hold(session: Session, fence: Fence, **values: Any) -> Row[*tuple[Any, ...]]:
    """Change the job as its holder. Raises LeaseLost when the fence no longer opens it."""
    row = session.execute(
        update(JobRow)
        .where(*holding(fence))
        .values(**values)
        .returning(
            JobRow.project_id,
            JobRow.status,
            JobRow.kind,
            JobRow.keep_best,
            JobRow.crash_count,
            JobRow.progress,
            JobRow.last_event,
        )
        .execution_options(synchronize_session=False)
    ).first()
    if row is None:
        raise LeaseLost(fence.job_id, fence.attempt)
    return row
