"""Models: trained, stored, immutable. Everything but the weights' file is here; deleting one leaves a tombstone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from store.errors import InvalidCursor, ModelDeleted, ModelInUse, ModelNeeded, ModelNotFound, NotFound
from store.expiry import alive, is_past
from store.inheritance import Base, bases, inherited
from store.lifecycle import UNFINISHED
from store.lineage import Lineage
from store.lineage import lineage as graph
from store.paging import AnySelect, Page, keyset
from store.tables import AliasRow, JobModelRow, JobRow, ModelParentRow, ModelRow


@dataclass(frozen=True)
class Model:
    """A stored model. Each field has its sentence in ``store.tables.ModelRow``; ``parents`` are ids, ``aliases`` names, in order.

    ``header`` is whole, also where its row takes the rest from ``base``: the model whose file its own adds to.
    """

    id: str
    project_id: str
    name: str | None
    kind: str
    job_id: str | None
    header: dict[str, Any]
    artifact: str
    bytes: int
    base_id: str | None
    created_at: datetime
    expires_at: datetime | None
    deleted_at: datetime | None
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    base: Base | None = None

    @property
    def imported(self) -> bool:
        """Whether it came as a file: what is made here has a job or a parent."""
        return self.job_id is None and not self.parents


_JOINED = ("parents", "aliases", "base")
_COLUMNS = tuple(getattr(ModelRow, field.name) for field in fields(Model) if field.name not in _JOINED)


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
    base_id: str | None = None,
    expires_at: datetime | None = None,
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
            base_id=base_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    if parents:
        links = [{"project_id": project_id, "child_id": id, "parent_id": parent} for parent in dict.fromkeys(parents)]
        session.execute(insert(ModelParentRow), links)
    row = session.execute(_of(project_id).where(ModelRow.id == id)).one()
    return _joined(session, project_id, [Model(*row)])[0]  # one whose time has come already, too


def get(session: Session, project_id: str, model_id: str) -> Model:
    """Raises NotFound, for a foreign, a deleted or an expired model too."""
    row = session.execute(_of(project_id).where(ModelRow.id == model_id, ModelRow.deleted_at.is_(None))).first()
    if row is None or is_past(session, (model := Model(*row)).expires_at):
        raise NotFound("model", model_id)
    return _joined(session, project_id, [model])[0]


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
    statement = _of(project_id).where(alive(session))
    for column, wanted in ((ModelRow.kind, kind), (ModelRow.name, name)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if created_after is not None:
        statement = statement.where(ModelRow.created_at > created_after)
    rows = keyset(session, statement, key=ModelRow.id, after=after, limit=limit, descending=descending)
    return Page(tuple(_joined(session, project_id, [Model(*row) for row in rows.items])), rows.has_more)


def _of(project_id: str) -> AnySelect:
    return select(*_COLUMNS).where(ModelRow.project_id == project_id)


def _joined(session: Session, project_id: str, found: Sequence[Model]) -> list[Model]:
    """Each model with what other tables say of it."""
    ids = [model.id for model in found]
    parents, aliases = _parents(session, ids), _aliases(session, project_id, ids)
    known = bases(session, [model.base_id for model in found])
    return [
        replace(
            model,
            header=inherited(model.header, base) if (base := known.get(model.base_id or "")) else model.header,
            base=base,
            parents=parents.get(model.id, ()),
            aliases=aliases.get(model.id, ()),
        )
        for model in found
    ]


def _aliases(session: Session, project_id: str, model_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    rows = session.execute(
        select(AliasRow.model_id, AliasRow.name)
        .where(AliasRow.project_id == project_id, AliasRow.model_id.in_(model_ids))
        .order_by(AliasRow.name)
    )
    found: dict[str, tuple[str, ...]] = {}
    for model_id, name in rows:
        found[str(model_id)] = (*found.get(str(model_id), ()), name)
    return found


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


def pin(session: Session, project_id: str, model_id: str) -> None:
    """Make sure that the model can be referred to, and is not deleted before this transaction ends.

    Raises ModelNotFound (a foreign one too), ModelDeleted (of one that has expired too).
    """
    mine = (ModelRow.project_id == project_id, ModelRow.id == model_id)
    ends = select(ModelRow.deleted_at, ModelRow.expires_at)
    row = session.execute(ends.where(*mine).with_for_update(read=True)).first()
    if row is None:
        raise ModelNotFound(model_id)
    if row.deleted_at is not None or is_past(session, row.expires_at):
        raise ModelDeleted(model_id)


def delete(session: Session, project_id: str, model_id: str, *, now: datetime) -> None:
    """Leave a tombstone, so that lineage holds; the bytes go in ``store.sweep``.

    Raises NotFound; ModelInUse while an alias points to it; ModelNeeded while an unfinished job asks it.
    """
    mine = (ModelRow.project_id == project_id, ModelRow.id == model_id)
    # locked first: an alias that moves here meanwhile waits, or is seen below
    live = select(ModelRow.id).where(*mine, alive(session)).with_for_update()
    if session.execute(live).first() is None:
        raise NotFound("model", model_id)
    if aliases := _aliases(session, project_id, [model_id]).get(model_id):
        raise ModelInUse(model_id, aliases)
    askers = session.scalars(
        select(JobRow.id)
        .join(JobModelRow, JobModelRow.job_id == JobRow.id)
        .where(JobModelRow.model_id == model_id, JobRow.status.in_(UNFINISHED))
        .order_by(JobRow.id)
    ).all()
    if askers:
        raise ModelNeeded(model_id, askers)
    session.execute(update(ModelRow).where(*mine).values(deleted_at=now))


def lineage(session: Session, project_id: str, model_id: str) -> Lineage:
    """What the model was made from, and what was made from it; for a deleted model too. Raises NotFound."""
    known = select(ModelRow.id).where(ModelRow.project_id == project_id, ModelRow.id == model_id)
    if session.execute(known).first() is None:
        raise NotFound("model", model_id)
    return graph(session, project_id, model_id)
