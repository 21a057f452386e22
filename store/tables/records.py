"""What a job leaves behind while it runs: attempts, checkpoints, events, series and the results of its tasks."""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import JobKey, Object, ProjectId, Time


class AttemptRow(Base):
    """One try at a job by one worker."""

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint("outcome IN ('succeeded','failed','cancelled','lost','preempted')", name="outcome"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
    )
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    attempt: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    owner: Mapped[str]
    host: Mapped[str]
    boot_id: Mapped[str]  # changes when the host restarts
    pid: Mapped[int]  # of the worker, not of its child
    started_at: Mapped[Time]
    ended_at: Mapped[Time | None]
    outcome: Mapped[str | None]
    resumed_step: Mapped[int | None]  # of the checkpoint it went on from; none: from scratch


class CheckpointRow(Base):
    """A file that an attempt can go on from. The newest two of a job are kept."""

    __tablename__ = "checkpoints"
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    file: Mapped[str]  # its name in the job's checkpoint folder
    sha256: Mapped[str]
    created_at: Mapped[Time]


class EventRow(Base):
    """What happened to a job, in the order of a durable number without gaps."""

    __tablename__ = "events"
    __table_args__ = (CheckConstraint("type IN ('status','progress','metrics','log')", name="type"),)
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    type: Mapped[str]
    data: Mapped[Object]
    at: Mapped[Time]


class MetricPointRow(Base):
    """One value of one series. ``task`` is empty where the value belongs to the whole job."""

    __tablename__ = "metric_points"
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    name: Mapped[str] = mapped_column(primary_key=True)
    task: Mapped[str] = mapped_column(primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    attempt: Mapped[int]
    value: Mapped[float]


class TaskResultRow(Base):
    """The result of one learning task of a finished job."""

    __tablename__ = "task_results"
    __table_args__ = (UniqueConstraint("job_id", "name"), Index(None, "job_id", "verdict", "position"))
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    verdict: Mapped[str | None]
    data: Mapped[Object]
