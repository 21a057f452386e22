"""A job says which ended job it does again."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("retried_from", ID))
    op.create_index("ix_jobs_retried_from", "jobs", ["retried_from"])


def downgrade() -> None:
    op.drop_index("ix_jobs_retried_from", "jobs")
    op.drop_column("jobs", "retried_from")
