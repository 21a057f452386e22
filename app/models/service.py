"""What can be done with models, in terms of the store."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from app.models import ranges
from app.models.merged import whole
from app.models.schemas import (
    SHOWN_TASKS,
    Edge,
    Input,
    Lineage,
    Model,
    ModelQuery,
    ModelTaskQuery,
    Node,
    Task,
)
from app.pages import Page
from app.pages import page as make_page
from app.parts import Parts
from app.predictors import Locate
from app.warm import Location
from store import aliases, models
from store.artifacts import ArtifactStore
from store.errors import InvalidCursor
from store.keys import Principal
from store.lineage import lineage as read_lineage
from store.paging import Page as StorePage
from store.session import Database

_TASKS: TypeAdapter[list[Task]] = TypeAdapter(list[Task])
_INPUTS: TypeAdapter[list[Input]] = TypeAdapter(list[Input])


def page(parts: Parts, who: Principal, query: ModelQuery) -> Page[Model]:
    with parts.database.reading() as session:
        found = models.page(
            session,
            who.project_id,
            limit=query.limit,
            after=query.after,
            descending=query.order == "desc",
            kind=query.kind,
            name=query.name,
            created_after=query.created_after,
        )
    return make_page(found, show=show, key=lambda model: model.id)


def get(parts: Parts, who: Principal, model_id: str) -> Model:
    return show(_read(parts, who, model_id))


def tasks(parts: Parts, who: Principal, model_id: str, query: ModelTaskQuery) -> Page[Task]:
    every = _read(parts, who, model_id).header["tasks"]
    start = 0
    if query.after is not None:
        names = [task["name"] for task in every]
        if query.after not in names:
            raise InvalidCursor(query.after)
        start = names.index(query.after) + 1
    part = StorePage(tuple(_tasks(every[start : start + query.limit])), len(every) > start + query.limit)
    return make_page(part, show=lambda task: task, key=lambda task: task.name)


def lineage(parts: Parts, who: Principal, model_id: str) -> Lineage:
    with parts.database.reading() as session:
        known = _get(session, who, model_id).id
        found = read_lineage(session, who.project_id, known)
    return Lineage(
        object="lineage",
        model=known,
        nodes=[
            Node.model_validate(
                {"id": node.id, "object": node.kind, "name": node.name, "sha256": node.sha256, "deleted": node.deleted}
            )
            for node in found.nodes
        ],
        edges=[Edge(source=edge.source, target=edge.target, relation=edge.relation) for edge in found.edges],
        complete=found.complete,
    )


def artifact(parts: Parts, who: Principal, reference: str) -> tuple[str, Location]:
    """The id of the model that ``reference`` names, and its file; of an adapted one the whole of it."""
    with parts.database.reading() as session:
        model_id = aliases.resolve(session, who.project_id, reference)
    return model_id, whole(parts.artifacts, locate(parts.database, parts.artifacts)(who.project_id, model_id))


def has_already(file: Location, if_none_match: str | None) -> bool:
    """Whether the client's `If-None-Match` names this very file."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return "*" in tags or f'"{file.sha256}"' in tags


def download(
    file: Location, name: str, part: str | None, if_range: str | None, *, headers: Mapping[str, str]
) -> StreamingResponse:
    """The file's bytes, or those that a `Range` header asks for; all of them when `If-Range` names another file.

    Raises:
        ApiError: ``range-not-satisfiable``.
    """
    size = file.path.stat().st_size
    asked = ranges.wanted(part, size) if if_range in (None, f'"{file.sha256}"') else None
    sent = range(size) if asked is None else asked
    own = {
        "Content-Length": str(len(sent)),
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    if asked is not None:
        own["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{size}"
    return StreamingResponse(
        ranges.blocks(file.path, sent),
        status_code=200 if asked is None else 206,
        headers={**headers, **own},
        media_type="application/octet-stream",
    )


def delete(parts: Parts, who: Principal, model_id: str) -> None:
    with parts.database.transaction() as session:
        known = aliases.resolve(session, who.project_id, model_id)
        models.delete(session, who.project_id, known, now=parts.database.now(session))
    parts.predictors.forget(who.project_id, known)


def locate(database: Database, artifacts: ArtifactStore) -> Locate:
    """Finds a model's file through the database."""

    def find(project_id: str, model_id: str) -> Location:
        with database.reading() as session:
            model = models.get(session, project_id, model_id)
            left = None if model.expires_at is None else (model.expires_at - database.now(session)).total_seconds()
        base = None
        if model.base is not None:
            stands_on = artifacts.path(model.base.artifact)
            base = Location(model.base.id, stands_on, model.base.artifact, model.base.bytes)
        return Location(model.id, artifacts.path(model.artifact), model.artifact, model.bytes, base, left)

    return find


def _get(session: Session, who: Principal, model_id: str) -> models.Model:
    """The model that is named by id or by alias."""
    return models.get(session, who.project_id, aliases.resolve(session, who.project_id, model_id))


def _read(parts: Parts, who: Principal, model_id: str) -> models.Model:
    with parts.database.reading() as session:
        return _get(session, who, model_id)


def show(model: models.Model) -> Model:
    """The model on the wire."""
    header = model.header
    return Model(
        id=model.id,
        object="model",
        name=model.name,
        kind=model.kind,
        job=model.job_id,
        imported=model.imported,
        parents=list(model.parents),
        aliases=list(model.aliases),
        adaptable=header["adaptable"],
        tasks=_tasks(header["tasks"]) if len(header["tasks"]) <= SHOWN_TASKS else None,
        inputs=_INPUTS.validate_python(header["inputs"]),
        network=header["network"],
        method=header["method"],
        bytes=model.bytes,
        sha256=model.artifact,
        created_at=model.created_at,
        expires_at=model.expires_at,
    )


def first_tasks(model: models.Model, count: int) -> list[Task]:
    """The first of the model's tasks on the wire."""
    return _tasks(model.header["tasks"][:count])


def check_shown(header: Mapping[str, Any]) -> None:
    """Raises ValidationError when what a file tells of its tasks and inputs cannot be shown."""
    _tasks(header["tasks"])
    _INPUTS.validate_python(header["inputs"])


def _tasks(told: Sequence[dict[str, Any]]) -> list[Task]:
    return _TASKS.validate_python(list(told))
