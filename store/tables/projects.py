"""Who owns what, who may enter, and which requests were already made."""

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import ID, JSON_TYPE, Id, ProjectId, Time


class ProjectRow(Base):
    """A tenant: the owner of everything else."""

    __tablename__ = "projects"
    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[Time]


class KeyRow(Base):
    """A credential of a project; only the hash of its secret is kept."""

    __tablename__ = "keys"
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    name: Mapped[str]
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(JSON_TYPE)
    created_at: Mapped[Time]


class IdempotencyRow(Base):
    """A request that must not happen twice, and its answer once there is one."""

    __tablename__ = "idempotency"
    __table_args__ = (
        CheckConstraint("(status IS NULL) = (body IS NULL)", name="answer"),
        Index(None, "expires_at"),
    )
    project_id: Mapped[str] = mapped_column(ID, ForeignKey("projects.id"), primary_key=True)
    method: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str | None]  # sha256 of the request; none until an upload has been read
    token: Mapped[str]  # of the request that holds the reservation
    status: Mapped[int | None]  # of the stored answer; none: still running
    headers: Mapped[dict[str, Any] | None] = mapped_column(JSON_TYPE)
    body: Mapped[str | None]
    expires_at: Mapped[Time]  # of the reservation, then of the answer
