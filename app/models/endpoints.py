"""Models: import, list, show, tasks, lineage, artifact, delete."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from app.deps import NO_QUERY, Held, IdempotencyKey, Who
from app.models import service
from app.models.intake import receive
from app.models.schemas import ImportQuery, Lineage, Model, ModelQuery, ModelTaskQuery, Task
from app.openapi import answers
from app.pages import Page

router = APIRouter(prefix="/models", tags=["models"])
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "One safetensors file; all but the weights is in its header.",
          "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The part of it that `Range` asks for."},
    304: {"description": "The file that the client has."},
}  # fmt: skip


_IMPORT = {
    "requestBody": {
        "required": True,
        "description": "What `GET …/artifact` of any installation answers with.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "", status_code=201, response_model=Model, responses=answers(400, 408, 409, 413, 415, 422), openapi_extra=_IMPORT
)
async def import_model(
    request: Request, query: Annotated[ImportQuery, Query()], held: Held, who: Who, key: IdempotencyKey
) -> Any:
    """Store the file of a model, which answers predictions at once. It is read and checked before the answer."""
    return (await receive(held, who, request, query, key)).response()


@router.get("")
def list_models(query: Annotated[ModelQuery, Query()], held: Held, who: Who) -> Page[Model]:
    """The project's models, newest first."""
    return service.page(held, who, query)


@router.get("/{model_id}", responses=answers(404), dependencies=[NO_QUERY])
def show(model_id: str, held: Held, who: Who) -> Model:
    """One model."""
    return service.get(held, who, model_id)


@router.get("/{model_id}/tasks", responses=answers(404))
def tasks(model_id: str, query: Annotated[ModelTaskQuery, Query()], held: Held, who: Who) -> Page[Task]:
    """The model's tasks in their order, a page at a time."""
    return service.tasks(held, who, model_id, query)


@router.get("/{model_id}/lineage", responses=answers(404), dependencies=[NO_QUERY])
def lineage(model_id: str, held: Held, who: Who) -> Lineage:
    """The datasets, jobs and models that it comes from, and the models that came from it."""
    return service.lineage(held, who, model_id)


@router.get(
    "/{model_id}/artifact",
    response_class=StreamingResponse,
    responses={**_FILE, **answers(404, 416, 503)},
    dependencies=[NO_QUERY],
)
def artifact(
    request: Request,
    model_id: str,
    held: Held,
    who: Who,
    part: Annotated[
        str | None, Header(alias="Range", description="One range of bytes, such as `bytes=0-1023`.")
    ] = None,
) -> Response:
    """The model's file, or a part of it. It never changes, so its hash is its ETag."""
    known, file = service.artifact(held, who, model_id)
    # an alias may point to another file tomorrow
    kept = "private, max-age=31536000, immutable" if known == model_id else "private, no-cache"
    headers = {"ETag": f'"{file.sha256}"', "Cache-Control": kept}
    if service.has_already(file, request.headers.get("if-none-match")):
        return Response(status_code=304, headers=headers)
    return service.download(file, f"{known}.safetensors", part, request.headers.get("if-range"), headers=headers)


@router.delete("/{model_id}", status_code=204, responses=answers(404, 409), dependencies=[NO_QUERY])
def delete(model_id: str, held: Held, who: Who) -> Response:
    """Delete a model to which no alias points. What came from it stays."""
    service.delete(held, who, model_id)
    return Response(status_code=204)
