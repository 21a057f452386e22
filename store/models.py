"""Models: trained, stored, immutable. Everything but the weights' file is here; deleting one leaves a tombstone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from store.errors import InvalidCursor, NotFound
from store.lineage import Lineage
from store.lineage import lineage as graph
from store.paging import AnySelect, Page, keyset
from store.tables import ModelParentRow, ModelRow


@dataclass(frozen=True)
class Model:
    """A stored model. Each field has its sentence in ``store.tables.ModelRow``; ``parents`` are ids, in order."""

    id: str
    project_id: str
    name: str | None
    kind: str
    job_id: str | None
    header: dict[str, Any]
    artifact: str
    bytes: int
    created_at: datetime
    deleted_at: datetime | None
    parents: tuple[str, ...] = ()


_COLUMNS = tuple(getattr(ModelRow, field.name) for field in fields(Model) if field.name != "parents")


def add(
    session: Session,
    project_id: str,
    *,
    now: datetime,
    id: str,  # noqa: A002 the words of API.md
    name: str | None,
    kind: str,
    job_id: str | None,
    header: Mapping[str, Any],
    artifact: str,
    bytes: int,  # noqa: A002
    parents: Sequence[str] = (),
) -> Model:
    """Record a model whose artifact is already published. Raises NotFound when a parent is not of this project."""
    for parent in parents:
        if session.execute(_of(project_id).where(ModelRow.id == parent)).first() is None:
            raise NotFound("model", parent)
    session.execute(
        insert(ModelRow).values(
            id=id,
            project_id=project_id,
            name=name,
            kind=kind,
            job_id=job_id,
            header=dict(header),
            artifact=artifact,
            bytes=bytes,
            created_at=now,
        )
    )
    if parents:
        links = [{"project_id": project_id, "child_id": id, "parent_id": parent} for parent in dict.fromkeys(parents)]
        session.execute(insert(ModelParentRow), links)
    return get(session, project_id, id)


def get(session: Session, project_id: str, model_id: str) -> Model:
    """Raises NotFound, for a foreign or a deleted model too."""
    row = session.execute(_live(project_id).where(ModelRow.id == model_id)).first()
    if row is None:
        raise NotFound("model", model_id)
    return replace(Model(*row), parents=_parents(session, [model_id]).get(model_id, ()))


def page(
    session: Session,
    project_id: str,
    *,
    limit: int = 20,
    after: str | None = None,
    descending: bool = True,
    kind: str | None = None,
    name: str | None = None,
    created_after: datetime | None = None,
) -> Page[Model]:
    """The project's models by time of creation, newest first. Raises InvalidCursor when ``after`` is none of them."""
    if after is not None and session.execute(_of(project_id).where(ModelRow.id == after)).first() is None:
        raise InvalidCursor(after)
    statement = _live(project_id)
    for column, wanted in ((ModelRow.kind, kind), (ModelRow.name, name)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if created_after is not None:
        statement = statement.where(ModelRow.created_at > created_after)
    rows = keyset(session, statement, key=ModelRow.id, after=after, limit=limit, descending=descending)
    parents = _parents(session, [row[0] for row in rows.items])
    found = tuple(replace(Model(*row), parents=parents.get(row[0], ())) for row in rows.items)
    return Page(found, rows.has_more)


def _of(project_id: str) -> AnySelect:
    return select(*_COLUMNS).where(ModelRow.project_id == project_id)


def _live(project_id: str) -> AnySelect:
    return _of(project_id).where(ModelRow.deleted_at.is_(None))


def _parents(session: Session, model_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    rows = session.execute(
        select(ModelParentRow.child_id, ModelParentRow.parent_id)
        .where(ModelParentRow.child_id.in_(model_ids))
        .order_by(ModelParentRow.parent_id)
    )
    found: dict[str, tuple[str, ...]] = {}
    for row in rows:
        found[row.child_id] = (*found.get(row.child_id, ()), row.parent_id)
    return found


def delete(session: Session, project_id: str, model_id: str, *, now: datetime) -> None:
    """Leave a tombstone, so that lineage holds; the bytes go in ``store.sweep``. Raises NotFound."""
    gone = session.execute(
        update(ModelRow)
        .where(ModelRow.project_id == project_id, ModelRow.id == model_id, ModelRow.deleted_at.is_(None))
        .values(deleted_at=now)
        .returning(ModelRow.id)
        .execution_options(synchronize_session=False)
    ).first()
    if gone is None:
        raise NotFound("model", model_id)


def lineage(session: Session, project_id: str, model_id: str) -> Lineage:
    """What the model was made from, and what was made from it; for a deleted model too. Raises NotFound."""
    known = select(ModelRow.id).where(ModelRow.project_id == project_id, ModelRow.id == model_id)
    if session.execute(known).first() is None:
        raise NotFound("model", model_id)
    return graph(session, project_id, model_id)
