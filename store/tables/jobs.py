"""The jobs. What a job must never be is refused here, by CHECK constraints, so that no bug of ours can store it either."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import ID, JSON_TYPE, Id, JobKey, Object, Objects, ProjectId, Reference, Time

_LEASED = "status IN ('running','cancelling')"
_TERMINAL = "status IN ('succeeded','failed','cancelled')"


class JobRow(Base):
    """One request to train, adapt or predict in batch: it reaches exactly one end."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(f"status = 'queued' OR {_LEASED} OR {_TERMINAL}", name="status"),
        CheckConstraint(
            f"({_LEASED}) = (lease_owner IS NOT NULL) AND (lease_owner IS NULL) = (lease_expires_at IS NULL)",
            name="lease",
        ),
        CheckConstraint(f"({_TERMINAL}) = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint(
            "status <> 'succeeded' OR CASE WHEN kind IN ('predict','evaluate') THEN dataset_id IS NOT NULL "
            "WHEN kind = 'replay' THEN result IS NOT NULL ELSE model_id IS NOT NULL END",
            name="success_has_its_fruit",
        ),
        CheckConstraint(
            "model_id IS NULL OR status = 'succeeded' OR (status = 'cancelled' AND keep_best)",
            name="no_model_of_a_lost_cause",
        ),
        CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="failure_has_its_reason"),
        CheckConstraint(
            "status NOT IN ('cancelling','cancelled') OR cancel_requested_at IS NOT NULL", name="cancel_was_asked"
        ),
        CheckConstraint("attempt >= 0 AND crash_count >= 0 AND crash_count <= attempt", name="counters"),
        Index(None, "project_id", "id"),
        Index(None, "project_id", "status", "id"),
        Index(None, "retried_from"),
        Index(
            "ix_jobs_waiting",
            "queue",
            text("priority DESC"),
            "id",
            sqlite_where=text("status = 'queued'"),
            postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_jobs_leases",
            "lease_expires_at",
            sqlite_where=text("lease_owner IS NOT NULL"),
            postgresql_where=text("lease_owner IS NOT NULL"),
        ),
    )
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    kind: Mapped[str]
    name: Mapped[str | None]
    status: Mapped[str]
    queue: Mapped[str]  # train or quick: which slot may run it
    priority: Mapped[int]  # higher first; first come first served within one priority
    run_after: Mapped[Time | None]  # not before this time: the backoff after a second crash
    spec: Mapped[Object]  # resolved: every default filled in
    warnings: Mapped[Objects]  # what its owner was told when it was accepted: [{"code", "detail", "pointer"}]
    labels: Mapped[Object] = mapped_column("metadata", JSON_TYPE)  # the user's own; ``metadata`` is taken by SQLAlchemy
    attempt: Mapped[int]  # how often it was claimed
    crash_count: Mapped[int]  # attempts that nobody saw end; a reboot or a deploy is none
    lease_owner: Mapped[str | None]  # a fresh token of the claim that holds the job
    lease_seq: Mapped[int]  # renewals of this lease: whoever sees it stand still may call the owner dead
    lease_expires_at: Mapped[Time | None]
    cancel_requested_at: Mapped[Time | None]
    keep_best: Mapped[bool]  # a cancel asked to keep the best model so far
    progress: Mapped[Object]  # {"fraction", "phase", …}
    environment: Mapped[Object | None]  # what the last attempt ran on
    model_id: Mapped[Reference | None]  # no foreign key: models.job_id points back, both are written by finish
    dataset_id: Mapped[Reference | None]  # the dataset that the job made
    result: Mapped[Object | None]
    error: Mapped[Object | None]
    last_event: Mapped[int]  # sequence number of its newest event: grows at every visible change
    created_at: Mapped[Time]
    updated_at: Mapped[Time]
    started_at: Mapped[Time | None]  # first claim
    finished_at: Mapped[Time | None]
    retried_from: Mapped[Reference | None]  # the ended job that this one does again; no foreign key: added to a table


class JobLabelRow(Base):
    """``metadata`` again, one row a key, so that lists filter by it on both databases."""

    __tablename__ = "job_labels"
    __table_args__ = (Index(None, "project_id", "key", "value", "job_id"),)
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class JobDatasetRow(Base):
    """A job reads a dataset."""

    __tablename__ = "job_datasets"
    __table_args__ = (Index(None, "dataset_id"),)
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    dataset_id: Mapped[str] = mapped_column(ID, ForeignKey("datasets.id"), primary_key=True)


class JobModelRow(Base):
    """A job asks a model."""

    __tablename__ = "job_models"
    __table_args__ = (Index(None, "model_id"),)
    project_id: Mapped[ProjectId]
    job_id: Mapped[JobKey]
    model_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"), primary_key=True)
