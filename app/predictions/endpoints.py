"""Predictions: the hot path, async, without the database while key and model are warm."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import bodies
from app.deps import NO_QUERY, Held, Who
from app.openapi import answers, json_body
from app.predictions import service
from app.predictions.schemas import Predictions, PredictRequest

router = APIRouter(prefix="/models/{model_id}/predictions", tags=["predictions"])


@router.post(
    "",
    response_model=Predictions,
    responses=answers(404, 413, 415, 503),
    openapi_extra=json_body(PredictRequest),
    dependencies=[NO_QUERY],
)
async def predict(request: Request, model_id: str, held: Held, who: Who) -> Any:
    """Answer for rows or columns."""
    bodies.media_type(request, (bodies.JSON,))
    predictor, answering = await service.ready(held, who, model_id)
    limits = held.settings
    body = await bodies.read(request, most_bytes=limits.prediction_bytes, idle_seconds=limits.body_idle_seconds)
    content = await service.predict(held, predictor, answering, body)
    return Response(content, media_type=bodies.JSON)


@router.get(
    "",
    response_model=Predictions,
    responses=answers(404, 503),
    openapi_extra={
        "parameters": [
            {
                "name": "features",
                "in": "query",
                "required": False,
                "style": "form",
                "explode": True,
                "description": "Each input of the model under its own name: `?alcohol=9.4&pH=3.3`.",
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        ]
    },
)
async def predict_one(request: Request, model_id: str, held: Held, who: Who) -> Any:
    """Answer for one row, typed by the model's input schema. An empty value is a missing one."""
    predictor, answering = await service.ready(held, who, model_id)
    return Response(
        service.predict_one(predictor, answering, request.query_params.multi_items()), media_type=bodies.JSON
    )
