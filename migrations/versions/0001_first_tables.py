"""The tables of the first version."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXT = sa.String()
ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON()


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", TEXT, nullable=False, unique=True),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "idempotency",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("method", TEXT, primary_key=True),
        sa.Column("route", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("fingerprint", TEXT),
        sa.Column("token", TEXT, nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", JSON),
        sa.Column("body", TEXT),
        sa.Column("expires_at", TIME, nullable=False),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name="answer"),
    )
    op.create_index("ix_idempotency_expires_at", "idempotency", ["expires_at"])
    op.create_table(
        "jobs",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("name", TEXT),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("queue", TEXT, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_after", TIME),
        sa.Column("spec", JSON, nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("metadata", JSON, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("crash_count", sa.Integer(), nullable=False),
        sa.Column("lease_owner", TEXT),
        sa.Column("lease_seq", sa.Integer(), nullable=False),
        sa.Column("lease_expires_at", TIME),
        sa.Column("cancel_requested_at", TIME),
        sa.Column("keep_best", sa.Boolean(), nullable=False),
        sa.Column("progress", JSON, nullable=False),
        sa.Column("environment", JSON),
        sa.Column("model_id", ID),
        sa.Column("dataset_id", ID),
        sa.Column("result", JSON),
        sa.Column("error", JSON),
        sa.Column("last_event", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("started_at", TIME),
        sa.Column("finished_at", TIME),
        sa.CheckConstraint(
            "status NOT IN ('cancelling','cancelled') OR cancel_requested_at IS NOT NULL", name="cancel_was_asked"
        ),
        sa.CheckConstraint("attempt >= 0 AND crash_count >= 0 AND crash_count <= attempt", name="counters"),
        sa.CheckConstraint("(status = 'failed') = (error IS NOT NULL)", name="failure_has_its_reason"),
        sa.CheckConstraint(
            "(status IN ('succeeded','failed','cancelled')) = (finished_at IS NOT NULL)", name="finished"
        ),
        sa.CheckConstraint(
            "(status IN ('running','cancelling')) = (lease_owner IS NOT NULL) "
            "AND (lease_owner IS NULL) = (lease_expires_at IS NULL)",
            name="lease",
        ),
        sa.CheckConstraint(
            "model_id IS NULL OR status = 'succeeded' OR (status = 'cancelled' AND keep_best)",
            name="no_model_of_a_lost_cause",
        ),
        sa.CheckConstraint(
            "status = 'queued' OR status IN ('running','cancelling') OR status IN ('succeeded','failed','cancelled')",
            name="status",
        ),
        sa.CheckConstraint(
            "status <> 'succeeded' OR CASE WHEN kind IN ('predict','evaluate') THEN dataset_id IS NOT NULL "
            "WHEN kind = 'replay' THEN result IS NOT NULL ELSE model_id IS NOT NULL END",
            name="success_has_its_fruit",
        ),
    )
    op.create_index(
        "ix_jobs_leases",
        "jobs",
        ["lease_expires_at"],
        sqlite_where=sa.text("lease_owner IS NOT NULL"),
        postgresql_where=sa.text("lease_owner IS NOT NULL"),
    )
    op.create_index("ix_jobs_project_id_id", "jobs", ["project_id", "id"])
    op.create_index("ix_jobs_project_id_status_id", "jobs", ["project_id", "status", "id"])
    op.create_index(
        "ix_jobs_waiting",
        "jobs",
        ["queue", sa.text("priority DESC"), "id"],
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "keys",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("secret_sha256", TEXT, nullable=False, unique=True),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("attempt", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("boot_id", TEXT, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("outcome", TEXT),
        sa.Column("resumed_step", sa.Integer()),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
        sa.CheckConstraint("outcome IN ('succeeded','failed','cancelled','lost','preempted')", name="outcome"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("step", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("file", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
    )
    op.create_table(
        "datasets",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", TEXT),
        sa.Column("format", TEXT, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("artifact", TEXT, nullable=False),
        sa.Column("description", JSON, nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id")),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME),
    )
    op.create_index("ix_datasets_job_id", "datasets", ["job_id"])
    op.create_index("ix_datasets_project_id_id", "datasets", ["project_id", "id"])
    op.create_table(
        "events",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("type IN ('status','progress','metrics','log')", name="type"),
    )
    op.create_table(
        "job_labels",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("value", TEXT, nullable=False),
    )
    op.create_index("ix_job_labels_project_id_key_value_job_id", "job_labels", ["project_id", "key", "value", "job_id"])
    op.create_table(
        "metric_points",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("name", TEXT, primary_key=True),
        sa.Column("task", TEXT, primary_key=True),
        sa.Column("step", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
    )
    op.create_table(
        "models",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", TEXT),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), unique=True),
        sa.Column("header", JSON, nullable=False),
        sa.Column("artifact", TEXT, nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("deleted_at", TIME),
    )
    op.create_index("ix_models_project_id_id", "models", ["project_id", "id"])
    op.create_table(
        "task_results",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("verdict", TEXT),
        sa.Column("data", JSON, nullable=False),
        sa.UniqueConstraint("job_id", "name"),
    )
    op.create_index("ix_task_results_job_id_verdict_position", "task_results", ["job_id", "verdict", "position"])
    op.create_table(
        "job_datasets",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("job_id", ID, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("dataset_id", ID, sa.ForeignKey("datasets.id"), primary_key=True),
    )
    op.create_index("ix_job_datasets_dataset_id", "job_datasets", ["dataset_id"])
    op.create_table(
        "model_parents",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("child_id", ID, sa.ForeignKey("models.id"), primary_key=True),
        sa.Column("parent_id", ID, sa.ForeignKey("models.id"), primary_key=True),
    )
    op.create_index("ix_model_parents_parent_id", "model_parents", ["parent_id"])


def downgrade() -> None:
    after_their_users = (
        "model_parents job_datasets task_results models metric_points job_labels events datasets checkpoints attempts "
        "keys jobs idempotency projects"
    )
    for table in after_their_users.split():
        op.drop_table(table)
