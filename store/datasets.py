"""Datasets: immutable rows under an id. Their bytes are artifacts; deleting one leaves a tombstone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from store.errors import DatasetDeleted, DatasetInUse, DatasetNotFound, InvalidCursor, NotFound
from store.lifecycle import UNFINISHED
from store.paging import AnySelect, Page, keyset
from store.tables import DatasetRow, JobDatasetRow, JobRow


@dataclass(frozen=True)
class Dataset:
    """A dataset as it stood when it was read. Each field has its sentence in ``store.tables.DatasetRow``."""

    id: str
    project_id: str
    name: str | None
    format: str
    bytes: int
    sha256: str
    artifact: str
    description: dict[str, Any]
    job_id: str | None
    created_at: datetime
    deleted_at: datetime | None


_COLUMNS = tuple(getattr(DatasetRow, field.name) for field in fields(Dataset))


def add(
    session: Session,
    project_id: str,
    *,
    now: datetime,
    id: str,  # noqa: A002 the words of API.md
    name: str | None,
    format: str,  # noqa: A002
    bytes: int,  # noqa: A002
    sha256: str,
    artifact: str,
    description: Mapping[str, Any],
    job_id: str | None = None,
) -> Dataset:
    """Record a dataset whose artifact is already published. ``id`` is a fresh ``new_id("dataset")``."""
    session.execute(
        insert(DatasetRow).values(
            id=id,
            project_id=project_id,
            name=name,
            format=format,
            bytes=bytes,
            sha256=sha256,
            artifact=artifact,
            description=dict(description),
            job_id=job_id,
            created_at=now,
        )
    )
    return get(session, project_id, id)


def get(session: Session, project_id: str, dataset_id: str) -> Dataset:
    """Raises NotFound, for a foreign or a deleted dataset too."""
    row = session.execute(_live(project_id).where(DatasetRow.id == dataset_id)).first()
    if row is None:
        raise NotFound("dataset", dataset_id)
    return Dataset(*row)


def page(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    descending: bool = True,
    name: str | None = None,
    created_after: datetime | None = None,
) -> Page[Dataset]:
    """The project's datasets by time of creation, newest first. Raises InvalidCursor when ``after`` is none of them."""
    if after is not None:
        known = select(DatasetRow.id).where(DatasetRow.project_id == project_id, DatasetRow.id == after)
        if session.execute(known).first() is None:
            raise InvalidCursor(after)
    statement = _live(project_id)
    if name is not None:
        statement = statement.where(DatasetRow.name == name)
    if created_after is not None:
        statement = statement.where(DatasetRow.created_at > created_after)
    rows = keyset(session, statement, key=DatasetRow.id, after=after, limit=limit, descending=descending)
    return Page(tuple(Dataset(*row) for row in rows.items), rows.has_more)


def _live(project_id: str) -> AnySelect:
    return select(*_COLUMNS).where(DatasetRow.project_id == project_id, DatasetRow.deleted_at.is_(None))


def read_by(session: Session, project_id: str, job_id: str) -> tuple[Dataset, ...]:
    """What a job reads, tombstones too, oldest first."""
    rows = session.execute(
        select(*_COLUMNS)
        .join(JobDatasetRow, JobDatasetRow.dataset_id == DatasetRow.id)
        .where(DatasetRow.project_id == project_id, JobDatasetRow.job_id == job_id)
        .order_by(DatasetRow.id)
    )
    return tuple(Dataset(*row) for row in rows)


def living(session: Session, project_id: str, dataset_ids: Collection[str]) -> frozenset[str]:
    """Those of the ids that are datasets of the project and not deleted."""
    known = select(DatasetRow.id).where(
        DatasetRow.project_id == project_id, DatasetRow.id.in_(dataset_ids), DatasetRow.deleted_at.is_(None)
    )
    return frozenset(session.scalars(known))


def pin(session: Session, project_id: str, dataset_ids: Collection[str]) -> None:
    """Make sure that a new job may read these, and that none is deleted before this transaction ends.

    Raises DatasetNotFound (foreign ones too), DatasetDeleted.
    """
    rows = session.execute(
        select(DatasetRow.id, DatasetRow.deleted_at)
        .where(DatasetRow.project_id == project_id, DatasetRow.id.in_(dataset_ids))
        .order_by(DatasetRow.id)
        .with_for_update(read=True)
    )
    deleted_at = {row.id: row.deleted_at for row in rows}
    for key in dataset_ids:
        if key not in deleted_at:
            raise DatasetNotFound(key)
        if deleted_at[key] is not None:
            raise DatasetDeleted(key)


def delete(session: Session, project_id: str, dataset_id: str, *, now: datetime) -> None:
    """Leave a tombstone; the bytes go when nothing else has the same artifact (``store.sweep``).

    Raises NotFound; DatasetInUse while an unfinished job reads it.
    """
    mine = (DatasetRow.project_id == project_id, DatasetRow.id == dataset_id)
    live = select(DatasetRow.id).where(*mine, DatasetRow.deleted_at.is_(None)).with_for_update()
    if session.execute(live).first() is None:
        raise NotFound("dataset", dataset_id)
    readers = session.scalars(
        select(JobRow.id)
        .join(JobDatasetRow, JobDatasetRow.job_id == JobRow.id)
        .where(JobDatasetRow.dataset_id == dataset_id, JobRow.status.in_(UNFINISHED))
        .order_by(JobRow.id)
    ).all()
    if readers:
        raise DatasetInUse(dataset_id, list(readers))
    session.execute(update(DatasetRow).where(*mine).values(deleted_at=now))
