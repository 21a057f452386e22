"""What users own: datasets and models. Their bytes are artifacts, found by content hash."""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.tables.base import Base
from store.tables.columns import ID, Id, Object, ProjectId, Time


class DatasetRow(Base):
    """Immutable rows, uploaded or made by a job. A deleted one stays as a tombstone, so that lineage holds."""

    __tablename__ = "datasets"
    __table_args__ = (Index(None, "project_id", "id"), Index(None, "job_id"))
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    name: Mapped[str | None]
    format: Mapped[str]  # what was uploaded: csv, parquet, ndjson, json; parquet when a job made it
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
    __table_args__ = (Index(None, "project_id", "id"),)
    id: Mapped[Id]
    project_id: Mapped[ProjectId]
    name: Mapped[str | None]
    kind: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(ID, ForeignKey("jobs.id"), unique=True)  # one model a job, at most
    header: Mapped[Object]  # tasks, inputs, network, method, adaptable
    artifact: Mapped[str]  # sha256 of its safetensors file
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[Time]
    deleted_at: Mapped[Time | None]


class ModelParentRow(Base):
    """A model was made from another one."""

    __tablename__ = "model_parents"
    __table_args__ = (Index(None, "parent_id"),)
    project_id: Mapped[ProjectId]
    child_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"), primary_key=True)
    parent_id: Mapped[str] = mapped_column(ID, ForeignKey("models.id"), primary_key=True)
