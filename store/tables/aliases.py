"""Names that point to models, and every move that they made."""

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import ID, Time


class AliasRow(Base):
    """A name of the project that stands for one of its models. A removed one keeps its row, so that versions go on."""

    __tablename__ = "aliases"
    __table_args__ = (Index(None, "model_id"),)
    project_id: Mapped[str] = mapped_column(ID, ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(ID, primary_key=True)  # in NFC; compared byte by byte
    model_id: Mapped[str | None] = mapped_column(ID, ForeignKey("models.id"))  # none: removed
    version: Mapped[int]  # of its newest move
    created_at: Mapped[Time]
    updated_at: Mapped[Time]


class AliasMoveRow(Base):
    """An alias was made to point to a model. Its version is its position in the alias's history, counted from 1."""

    __tablename__ = "alias_moves"
    __table_args__ = (
        CheckConstraint("version >= 1 AND (restores IS NULL OR restores < version)", name="version"),
        ForeignKeyConstraint(["project_id", "name"], ["aliases.project_id", "aliases.name"]),
    )
    project_id: Mapped[str] = mapped_column(ID, ForeignKey("projects.id"), primary_key=True)
    name: Mapped[str] = mapped_column(ID, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    model_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"))
    restores: Mapped[int | None]  # of a rollback: the version that it went back to
    at: Mapped[Time]
