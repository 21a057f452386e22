"""Aliases: list, show with history, put, roll back, delete."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.aliases import service
from app.aliases.schemas import Alias, AliasQuery, AliasWithHistory, HistoryQuery
from app.deps import NO_QUERY, Body, Held, IdempotencyKey, OptionalBody, Who
from app.openapi import answers, json_body
from app.pages import Page

router = APIRouter(prefix="/aliases", tags=["aliases"])


@router.get("")
def list_aliases(query: Annotated[AliasQuery, Query()], held: Held, who: Who) -> Page[Alias]:
    """The project's aliases by name."""
    return service.page(held, who, query)


@router.get("/{name}", responses=answers(404))
def show(name: str, query: Annotated[HistoryQuery, Query()], held: Held, who: Who) -> AliasWithHistory:
    """One alias and its moves, newest first, a page at a time."""
    return service.get(held, who, name, query)


@router.put(
    "/{name}",
    response_model=Alias,
    responses={201: {"model": Alias, "description": "The alias is new."}, **answers(400, 409, 413, 415, 422)},
    openapi_extra=json_body("PutAlias"),
    dependencies=[NO_QUERY],
)
def put(name: str, body: Body, held: Held, who: Who, response: Response) -> Any:
    """Make the alias point to a model, at once for everybody. Where it points already, nothing changes."""
    alias, new = service.put(held, who, name, body)
    if new:
        response.status_code = 201
        response.headers["Location"] = f"/v1/aliases/{quote(alias.name, safe='')}"
    return alias


@router.post(
    "/{name}/rollback",
    response_model=Alias,
    responses=answers(404, 409),
    openapi_extra=json_body("RollBack", required=False),
    dependencies=[NO_QUERY],
)
def rollback(name: str, body: OptionalBody, held: Held, who: Who, key: IdempotencyKey) -> Any:
    """Make the alias point to the model before; again, to the one before that. It is a move like any other."""
    return service.rollback(held, who, name, body, key).response()


@router.delete("/{name}", status_code=204, responses=answers(404), dependencies=[NO_QUERY])
def delete(name: str, held: Held, who: Who) -> Response:
    """Take the name away. Given again, it goes on with the next version."""
    service.delete(held, who, name)
    return Response(status_code=204)
