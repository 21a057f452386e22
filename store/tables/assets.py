"""What users own: datasets and models. Their bytes are artifacts, found by content hash."""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import ID, Id, Object, ProjectId, Time

# few models have an end, and the sweep looks for those alone
_GIVEN: dict[str, Any] = {
    "sqlite_where": text("expires_at IS NOT NULL"),
    "postgresql_where": text("expires_at IS NOT NULL"),
}


class DatasetRow(Base):
    """Immutable rows, uploaded or made by a job. A deleted one stays as a tombstone, so that lineage holds."""

    __tablename__ = "datasets"
    __table_args__ = (Index(None, "project_id", "id"), Index(None, "job_id"))
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    name: Mapped[str | None]
    format: Mapped[str]  # what was uploaded: csv, parquet, ndjson, json, zip (images); parquet when a job made it
    bytes: Mapped[int] = mapped_column(BigInteger)  # of the upload, not of the artifact
    sha256: Mapped[str]  # of the upload
    artifact: Mapped[str]  # sha256 of the canonical Parquet
    description: Mapped[Object]  # {"rows", "columns", "warnings"}, made at the upload
    job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id"))  # the job that made it
    created_at: Mapped[Time]
    deleted_at: Mapped[Time | None]


class ModelRow(Base):
    """A trained, stored, immutable model. A deleted one stays as a tombstone."""

    __tablename__ = "models"
    __table_args__ = (Index(None, "project_id", "id"), Index(None, "expires_at", **_GIVEN))
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    name: Mapped[str | None]
    kind: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id"), unique=True)  # one model a job, at most
    # tasks, inputs, network, method, adaptable; of a model with a base only what differs from that one's
    header: Mapped[Object]
    artifact: Mapped[str]  # sha256 of its safetensors file; with a base, of the tensors that differ
    bytes: Mapped[int] = mapped_column(BigInteger)
    base_id: Mapped[str | None] = mapped_column(ID)  # the nearest ancestor stored whole
    created_at: Mapped[Time]
    expires_at: Mapped[Time | None]  # when it is gone by itself
    deleted_at: Mapped[Time | None]


class ModelParentRow(Base):
    """A model was made from another one."""

    __tablename__ = "model_parents"
    __table_args__ = (Index(None, "parent_id"),)
    project_id: Mapped[ProjectId]
    child_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"), primary_key=True)
    parent_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"), primary_key=True)
