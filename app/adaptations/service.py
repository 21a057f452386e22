"""Adaptation in terms of the store and the warm models: learn, answer, and keep the children where that is asked."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa
from anyio.to_thread import run_sync

from app.adaptations import children
from app.adaptations.requests import Asked, Limits, Task, parse, too_many_shots
from app.adaptations.work import Outcome, Ready, adapted, checks, with_images
from app.errors import ApiError, first_problem
from app.models.service import show
from app.named import named
from app.parts import Parts
from app.predictions.service import INLINE_WORK, shown
from app.replies import Reply, fingerprint, keep, recall
from app.rows import Given
from app.warm import Warm
from learning.adapting import Adaptation
from learning.errors import Notice
from learning.tables import Table
from store import datasets, idempotency, models
from store.errors import DatasetDeleted, DatasetNotFound, NotFound
from store.idempotency import Answer
from store.keys import Principal

PASSES = 10
"""How much more an adaptation works over its rows than a prediction does."""


@dataclass(frozen=True)
class Wish:
    """A request that has arrived whole."""

    who: Principal
    model_id: str
    named: str
    """As the path names the model: a retry says the same, wherever an alias points by then."""
    body: bytes
    key: str | None
    began: float


async def ready(parts: Parts, who: Principal, reference: str) -> tuple[Warm, str]:
    """The model that is named by id or by alias, with what adapts it, and its id.

    Raises:
        NotFound: no such model or alias in this project.
        ApiError: as ``Predictors.adaptable``.
    """
    return await named(parts, who, reference, parts.predictors.adaptable)


async def adapt(
    parts: Parts, who: Principal, warm: Warm, body: bytes, *, model_id: str, named: str, key: str | None
) -> Reply:
    """The answer to a request. A small one that stores nothing is worked out here, any other in a thread, where one that waits
    for its turn holds up nobody.

    Raises:
        ApiError: the body is no request for an adaptation, or does not suit the model.
        ModelUnhealthy: the model answers with infinity or NaN.
    """
    wish = Wish(who, model_id, named, body, key, time.perf_counter())
    asked = parse(body, _limits(parts)) if PASSES * len(body) * warm.weights <= INLINE_WORK else None
    if asked is None or asked.store or _is_slow(asked, warm) or not warm.turn.acquire(blocking=False):
        return await run_sync(_in_turn, parts, warm, wish, asked)
    try:
        return _answer(parts, warm, wish, asked, nullcontext())
    finally:
        warm.turn.release()


def _is_slow(asked: Asked, warm: Warm) -> bool:
    """Whether a dataset has to be read, or images to be decoded."""
    return warm.model.header.encoding.image is not None or any(isinstance(task.support, str) for task in asked.tasks)


def _in_turn(parts: Parts, warm: Warm, wish: Wish, asked: Asked | None) -> Reply:
    return _answer(parts, warm, wish, asked, warm.turn)


def _answer(parts: Parts, warm: Warm, wish: Wish, asked: Asked | None, turn: AbstractContextManager[Any]) -> Reply:
    if asked is None:
        asked = parse(wish.body, _limits(parts))
    request = _reserved(wish) if asked.store else None
    mark = fingerprint(wish.body.decode()) if request else ""
    if request is not None:
        # a replay needs no dataset: one may be gone by now
        with parts.database.reading() as session:
            stored = idempotency.lookup(session, request, now=parts.database.now(session), fingerprint=mark)
        if stored is not None:
            return recall(stored)
    asked = replace(asked, tasks=with_images(asked.tasks, warm.model.header))
    tasks = [Ready(task, _rows(parts, wish.who, task, asked)) for task in asked.tasks]
    with turn:
        outcomes = adapted(warm.adapter(), asked, tasks, most_rows=parts.settings.adaptation_rows)
    if not asked.store:
        return Reply(200, _body(asked, outcomes, {}, wish.began))
    return _stored(parts, warm, wish, asked, outcomes, request, mark)


def _stored(
    parts: Parts,
    warm: Warm,
    wish: Wish,
    asked: Asked,
    outcomes: Sequence[Outcome],
    request: idempotency.Request | None,
    mark: str,
) -> Reply:
    """Publish the files, then record the children and the answer in one transaction."""
    places = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Adaptation)]
    deltas = [outcome.delta for outcome in outcomes if isinstance(outcome, Adaptation)]
    made = children.published(parts.artifacts, warm.model.header, deltas)
    base = warm.location.base or warm.location
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        reserved = idempotency.reserve(session, request, now=now, fingerprint=mark) if request else None
        if isinstance(reserved, Answer):  # another request with this key was faster
            return recall(reserved)
        rows = children.recorded(
            session,
            wish.who,
            made,
            now=now,
            parent_id=wish.model_id,
            base_id=base.id,
            ttl_seconds=asked.ttl_seconds,
        )
        told = _body(asked, outcomes, dict(zip(places, rows, strict=True)), wish.began)
        headers = {} if asked.many else {"Location": f"/v1/models/{rows[0].id}"}
        reply = Reply(201, told, headers)
        keep(session, reserved, reply, now=now, mark=mark)
    return reply


def _body(asked: Asked, outcomes: Sequence[Outcome], rows: Mapping[int, models.Model], began: float) -> str:
    told = [_told(asked, outcome, rows.get(place)) for place, outcome in enumerate(outcomes)]
    keys = [task.key for task in asked.tasks]
    body: dict[str, Any] = {"adaptations": dict(zip(keys, told, strict=True))} if asked.many else told[0]
    text = orjson.dumps(body | {"seconds": round(time.perf_counter() - began, 6)}, option=orjson.OPT_SERIALIZE_NUMPY)
    return text.decode()


def _told(asked: Asked, outcome: Outcome, row: models.Model | None) -> dict[str, Any]:
    if isinstance(outcome, ApiError):
        entries = [{name: entry.get(name) for name in ("code", "detail", "pointer")} for entry in outcome.errors[:50]]
        return {"error": {"code": outcome.code, "detail": outcome.detail, "errors": entries}}
    found = outcome.predictions
    warnings: list[Notice] = [*outcome.notices, *(found.notices if found else ())]
    return {
        "model": None if row is None else show(row).model_dump(mode="json"),
        "predictions": None if found is None else {name: shown(answer) for name, answer in found.by_task.items()},
        "check": checks(outcome, listed=asked.listed),
        "warnings": [{"code": one.code, "detail": one.detail, "pointer": one.pointer} for one in warnings],
    }


def _rows(parts: Parts, who: Principal, task: Task, asked: Asked) -> Given | pa.Table:
    """The support's own rows, or those of the dataset that it names."""
    if not isinstance(task.support, str):
        return task.support
    at = task.at if task.key is None else f"{task.at}/dataset"
    table = _table(parts, who, task.support, at)
    most = parts.settings.adaptation_rows
    if table.rows > most:
        raise too_many_shots(table.rows, most, at)
    for name in asked.targets or ():
        if name not in table.types:
            detail = f"expected a column of the support as the target, found none named {name[:64]!r}"
            raise first_problem(
                [{"pointer": "/targets" if asked.listed else "/target", "code": "target-not-found", "detail": detail}]
            )
    return table.read(list(table.types))


def _table(parts: Parts, who: Principal, dataset_id: str, at: str) -> Table:
    try:
        with parts.database.reading() as session:
            artifact = datasets.get(session, who.project_id, dataset_id).artifact
    except NotFound:
        try:
            with parts.database.transaction() as session:
                datasets.pin(session, who.project_id, [dataset_id])
        except (DatasetNotFound, DatasetDeleted) as error:
            raise first_problem([{"pointer": at, "code": error.code, "detail": str(error)}]) from None
        raise
    return Table(dataset_id, parts.artifacts.path(artifact))


def _reserved(wish: Wish) -> idempotency.Request | None:
    if wish.key is None:
        return None
    return idempotency.Request(wish.who.project_id, "POST", f"/v1/models/{wish.named}/adaptations", wish.key)


def _limits(parts: Parts) -> Limits:
    limits = parts.settings
    return Limits(
        rows=limits.adaptation_total_rows, support_rows=limits.adaptation_rows, supports=limits.adaptation_supports
    )
