"""Adaptations: async, and without the database where nothing is stored and key and model are warm."""

from typing import Any

from fastapi import APIRouter, Request

from app import bodies
from app.adaptations import service
from app.adaptations.schemas import AdaptedMany, AdaptedOne, AdaptRequest
from app.deps import NO_QUERY, Held, IdempotencyKey, Who
from app.openapi import answers, json_body

router = APIRouter(prefix="/models/{model_id}/adaptations", tags=["models"])


@router.post(
    "",
    status_code=201,
    response_model=AdaptedOne | AdaptedMany,
    responses={
        200: {"model": AdaptedOne | AdaptedMany, "description": "The answer where nothing was to be stored."},
        **answers(400, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra=json_body(AdaptRequest),
    dependencies=[NO_QUERY],
)
async def adapt(request: Request, model_id: str, held: Held, who: Who, key: IdempotencyKey) -> Any:
    """Adapt a stored model to labelled rows of a task that it has not seen, and answer for others. The model stays as it is."""
    bodies.media_type(request, (bodies.JSON,))
    warm, known = await service.ready(held, who, model_id)
    limits = held.settings
    body = await bodies.read(request, most_bytes=limits.prediction_bytes, idle_seconds=limits.body_idle_seconds)
    return (await service.adapt(held, who, warm, body, model_id=known, named=model_id, key=key)).response()
