"""Aliases: names that stand for models. Moving one is a single transaction; every move stays in its history."""

from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.errors import AliasMoved, InvalidCursor, InvalidName, NotFound, NothingBefore
from store.ids import is_id
from store.models import pin
from store.names import alias_name
from store.paging import AnySelect, Page, keyset
from store.tables import AliasMoveRow, AliasRow


@dataclass(frozen=True)
class Alias:
    """Where an alias points. ``version`` is the position of its newest move in its history."""

    name: str
    model_id: str
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Move:
    """One entry of an alias's history. ``restores`` is the version that a rollback went back to."""

    version: int
    model_id: str
    restores: int | None
    at: datetime


@dataclass(frozen=True)
class Belief:
    """Where a mover believes the alias to point: to this model, or, with None, to nothing yet."""

    model_id: str | None


_COLUMNS = tuple(getattr(AliasRow, field.name) for field in fields(Alias))
_MOVE_COLUMNS = tuple(getattr(AliasMoveRow, field.name) for field in fields(Move))


def get(session: Session, project_id: str, name: str) -> Alias:
    """Raises NotFound, for a foreign or a removed alias too."""
    row = session.execute(_pointing(project_id).where(AliasRow.name == name)).first()
    if row is None:
        raise NotFound("alias", name)
    return Alias(*row)


def resolve(session: Session, project_id: str, reference: str) -> str:
    """The id of a model that is named by id or by alias; an id is not looked up. Raises NotFound."""
    if is_id(reference, "model"):
        return reference
    try:
        return get(session, project_id, alias_name(reference)).model_id
    except (InvalidName, NotFound):
        raise NotFound("model", reference) from None


def page(
    session: Session, project_id: str, *, limit: int = 20, after: str | None = None, descending: bool = False
) -> Page[Alias]:
    """The project's aliases by name. Raises InvalidCursor when ``after`` was never one of them."""
    known = select(AliasRow.name).where(AliasRow.project_id == project_id, AliasRow.name == after)
    if after is not None and session.execute(known).first() is None:
        raise InvalidCursor(after)
    rows = keyset(session, _pointing(project_id), key=AliasRow.name, after=after, limit=limit, descending=descending)
    return Page(tuple(Alias(*row) for row in rows.items), rows.has_more)


def history(
    session: Session,
    project_id: str,
    name: str,
    *,
    limit: int = 20,
    after: int | None = None,
    descending: bool = True,
) -> Page[Move]:
    """The moves of an alias, newest first. Raises InvalidCursor when ``after`` is no version of it."""
    moves = _moves(project_id, name)
    if after is not None and session.execute(moves.where(AliasMoveRow.version == after)).first() is None:
        raise InvalidCursor(str(after))
    rows = keyset(session, moves, key=AliasMoveRow.version, after=after, limit=limit, descending=descending)
    return Page(tuple(Move(*row) for row in rows.items), rows.has_more)


def move(
    session: Session, project_id: str, name: str, *, now: datetime, model_id: str, belief: Belief | None = None
) -> tuple[Alias, bool]:
    """Make the alias point to the model; → the alias, and whether it is new. Where it points already, nothing changes.

    ``name`` has passed ``store.names.alias_name``.
    Raises AliasMoved when it does not point to where ``belief`` says; ModelNotFound, ModelDeleted.
    """
    held = _held(session, project_id, name) or _made(session, project_id, name, now=now)
    if belief is not None and belief.model_id != held.model_id:
        raise AliasMoved(name, expected=belief.model_id, found=held.model_id)
    if held.model_id == model_id:
        return Alias(**vars(held)), False
    pin(session, project_id, model_id)
    return _append(session, project_id, held, now=now, model_id=model_id, restores=None), held.model_id is None


def rollback(session: Session, project_id: str, name: str, *, now: datetime, belief: Belief | None = None) -> Alias:
    """Make the alias point to the model before; again, to the one before that.

    Raises NotFound; AliasMoved as ``move`` does; NothingBefore; ModelDeleted when the model before is no more.
    """
    held = _held(session, project_id, name)
    if held is None or held.model_id is None:
        raise NotFound("alias", name)
    if belief is not None and belief.model_id != held.model_id:
        raise AliasMoved(name, expected=belief.model_id, found=held.model_id)
    here = _move(session, project_id, name, held.version)
    stands = here.restores or here.version  # the move whose model it has: a rollback stands where it went back to
    if stands == 1:
        raise NothingBefore(name)
    before = _move(session, project_id, name, stands - 1)
    pin(session, project_id, before.model_id)
    target = before.restores or before.version
    return _append(session, project_id, held, now=now, model_id=before.model_id, restores=target)


def remove(session: Session, project_id: str, name: str, *, now: datetime) -> None:
    """Let the name point nowhere. Its history stays, and goes on when the name is given again. Raises NotFound."""
    held = _held(session, project_id, name)
    if held is None or held.model_id is None:
        raise NotFound("alias", name)
    session.execute(update(AliasRow).where(*_is(project_id, name)).values(model_id=None, updated_at=now))


@dataclass(frozen=True)
class _Held:
    """An alias whose row is locked until the transaction ends; removed ones too."""

    name: str
    model_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


def _held(session: Session, project_id: str, name: str) -> _Held | None:
    # the alias before the model, wherever both are locked: no two transactions wait for each other
    row = session.execute(select(*_COLUMNS).where(*_is(project_id, name)).with_for_update()).first()
    return None if row is None else _Held(*row)


def _made(session: Session, project_id: str, name: str, *, now: datetime) -> _Held:
    """The row of a new alias, which nobody sees before its first move; of two who make it, the second waits."""
    fresh: dict[str, Any] = {"name": name, "model_id": None, "version": 0, "created_at": now, "updated_at": now}
    try:
        with session.begin_nested():
            session.execute(insert(AliasRow).values(project_id=project_id, **fresh))
    except IntegrityError:
        found = _held(session, project_id, name)
        if found is None:
            raise
        return found
    return _Held(**fresh)


def _append(
    session: Session, project_id: str, held: _Held, *, now: datetime, model_id: str, restores: int | None
) -> Alias:
    moved = replace(held, model_id=model_id, version=held.version + 1, updated_at=now)
    session.execute(
        update(AliasRow)
        .where(*_is(project_id, held.name))
        .values(model_id=model_id, version=moved.version, updated_at=now)
    )
    session.execute(
        insert(AliasMoveRow).values(
            project_id=project_id, name=held.name, version=moved.version, model_id=model_id, restores=restores, at=now
        )
    )
    return Alias(**vars(moved))


def _move(session: Session, project_id: str, name: str, version: int) -> Move:
    return Move(*session.execute(_moves(project_id, name).where(AliasMoveRow.version == version)).one())


def _moves(project_id: str, name: str) -> AnySelect:
    return select(*_MOVE_COLUMNS).where(AliasMoveRow.project_id == project_id, AliasMoveRow.name == name)


def _pointing(project_id: str) -> AnySelect:
    return select(*_COLUMNS).where(AliasRow.project_id == project_id, AliasRow.model_id.is_not(None))


def _is(project_id: str, name: str) -> tuple[Any, ...]:
    return (AliasRow.project_id == project_id, AliasRow.name == name)
