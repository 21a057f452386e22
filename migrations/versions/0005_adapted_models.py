"""A model may add to another one's file, and may have an end."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
GIVEN = sa.text("expires_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("models", sa.Column("base_id", ID))
    op.add_column("models", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.create_index("ix_models_expires_at", "models", ["expires_at"], sqlite_where=GIVEN, postgresql_where=GIVEN)


def downgrade() -> None:
    op.drop_index("ix_models_expires_at", "models")
    op.drop_column("models", "expires_at")
    op.drop_column("models", "base_id")
