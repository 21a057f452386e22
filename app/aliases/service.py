"""What can be done with aliases, in terms of the store."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from app.aliases.schemas import (
    Alias,
    AliasMove,
    AliasQuery,
    AliasWithHistory,
    HistoryQuery,
    PutAlias,
    RollBack,
)
from app.errors import first_problem
from app.pages import Page
from app.pages import page as make_page
from app.parts import Parts
from app.problems import body_problems
from app.replies import Reply, fingerprint, keep, recall
from store import aliases, idempotency
from store.aliases import Belief
from store.errors import InvalidName, ModelDeleted, ModelNotFound, NotFound
from store.idempotency import Answer
from store.keys import Principal
from store.names import alias_name

Wish = TypeVar("Wish", PutAlias, RollBack)


def page(parts: Parts, who: Principal, query: AliasQuery) -> Page[Alias]:
    with parts.database.reading() as session:
        found = aliases.page(
            session, who.project_id, limit=query.limit, after=query.after, descending=query.order == "desc"
        )
    return make_page(found, show=_show, key=lambda alias: alias.name)


def get(parts: Parts, who: Principal, name: str, query: HistoryQuery) -> AliasWithHistory:
    known = _known(name)
    with parts.database.reading() as session:
        alias = aliases.get(session, who.project_id, known)
        found = aliases.history(
            session, who.project_id, known, limit=query.limit, after=query.after, descending=query.order == "desc"
        )
    return AliasWithHistory(
        **dict(_show(alias)), history=make_page(found, show=_show_move, key=lambda move: move.version)
    )


def put(parts: Parts, who: Principal, name: str, body: Mapping[str, Any]) -> tuple[Alias, bool]:
    """The alias at its model, and whether it is new."""
    wish = _wish(PutAlias, body)
    try:
        known = alias_name(name)
    except InvalidName as error:
        raise first_problem([{"location": "path/name", "code": error.code, "detail": str(error)}]) from None
    try:
        with parts.database.transaction() as session:
            alias, new = aliases.move(
                session,
                who.project_id,
                known,
                now=parts.database.now(session),
                model_id=aliases.resolve(session, who.project_id, wish.model),
                belief=_belief(wish),
            )
    except (NotFound, ModelDeleted) as error:
        code = error.code if isinstance(error, ModelDeleted) else ModelNotFound.code
        raise first_problem([{"pointer": "/model", "code": code, "detail": str(error)}]) from None
    parts.pointers.forget(who.project_id, known)
    return _show(alias), new


def rollback(parts: Parts, who: Principal, name: str, body: Mapping[str, Any], key: str | None) -> Reply:
    """Move the alias back and store, in the same transaction, the answer under its idempotency key."""
    wish, known = _wish(RollBack, body), _known(name)
    mark = fingerprint(body)
    request = idempotency.Request(who.project_id, "POST", f"/v1/aliases/{known}/rollback", key) if key else None
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        reserved = idempotency.reserve(session, request, now=now, fingerprint=mark) if request else None
        if isinstance(reserved, Answer):
            return recall(reserved)
        alias = aliases.rollback(session, who.project_id, known, now=now, belief=_belief(wish))
        reply = Reply(200, _show(alias).model_dump_json())
        keep(session, reserved, reply, now=now, mark=mark)
    parts.pointers.forget(who.project_id, known)
    return reply


def delete(parts: Parts, who: Principal, name: str) -> None:
    known = _known(name)
    with parts.database.transaction() as session:
        aliases.remove(session, who.project_id, known, now=parts.database.now(session))
    parts.pointers.forget(who.project_id, known)


def _known(name: str) -> str:
    try:
        return alias_name(name)
    except InvalidName:
        raise NotFound("alias", name) from None


def _wish(kind: type[Wish], body: Mapping[str, Any]) -> Wish:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise first_problem(body_problems(error)) from None


def _belief(wish: PutAlias | RollBack) -> Belief | None:
    """A null is a belief too: that there is no such alias."""
    return Belief(wish.if_current) if "if_current" in wish.model_fields_set else None


def _show(alias: aliases.Alias) -> Alias:
    return Alias(
        name=alias.name,
        object="alias",
        model=alias.model_id,
        version=alias.version,
        created_at=alias.created_at,
        updated_at=alias.updated_at,
    )


def _show_move(move: aliases.Move) -> AliasMove:
    return AliasMove(
        version=move.version, object="alias_move", model=move.model_id, restores=move.restores, created_at=move.at
    )
