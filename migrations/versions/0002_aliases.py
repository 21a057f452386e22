"""Aliases of models, and every move that they made."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ID = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "aliases",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("name", ID, primary_key=True),
        sa.Column("model_id", ID, sa.ForeignKey("models.id")),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
    )
    op.create_index("ix_aliases_model_id", "aliases", ["model_id"])
    op.create_table(
        "alias_moves",
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), primary_key=True),
        sa.Column("name", ID, primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("model_id", ID, sa.ForeignKey("models.id"), nullable=False),
        sa.Column("restores", sa.Integer()),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("version >= 1 AND (restores IS NULL OR restores < version)", name="version"),
        sa.ForeignKeyConstraint(["project_id", "name"], ["aliases.project_id", "aliases.name"]),
    )


def downgrade() -> None:
    op.drop_table("alias_moves")
    op.drop_table("aliases")
