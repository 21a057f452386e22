"""Answers of a warm model: bytes in, bytes out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from anyio.to_thread import run_sync

from app.errors import first_problem
from app.images import decoded
from app.named import named
from app.parts import Parts
from app.predictions import query
from app.predictions.requests import Asked, parse
from app.problems import pointed
from learning.errors import InputError
from learning.predictor import Labels, Predictor, Values
from store.keys import Principal

INLINE_WORK = 10**10
"""Body bytes times model bytes up to which an answer is worked out on the event loop: a few milliseconds."""


async def ready(parts: Parts, who: Principal, reference: str) -> tuple[Predictor, str]:
    """The predictor of a model that is named by id or by alias, and the model's id.

    Raises:
        NotFound: no such model or alias in this project.
        ApiError: as ``Predictors.get``.
    """
    return await named(parts, who, reference, parts.predictors.get)


async def predict(parts: Parts, predictor: Predictor, model_id: str, body: bytes) -> bytes:
    """The answer to a POST; large requests, and those with images, are worked out in a thread, so that they do not hold up
    the small ones. Of those with images there are few at a time: a small body may bring large ones.

    Raises:
        ApiError: the body is no request for predictions.
        InputError: the rows do not fit the model's inputs.
        ModelUnhealthy: an output is not finite.
    """
    most_rows = parts.settings.prediction_rows
    if predictor.header.encoding.image is not None:
        return await run_sync(_predict, predictor, model_id, body, most_rows, limiter=parts.image_places)
    if len(body) * predictor.nbytes > INLINE_WORK:
        return await run_sync(_predict, predictor, model_id, body, most_rows)
    return _predict(predictor, model_id, body, most_rows)


def _predict(predictor: Predictor, model_id: str, body: bytes, most_rows: int) -> bytes:
    asked = parse(body, most_rows=most_rows)
    if predictor.header.encoding.image is not None:
        asked = replace(asked, columns=decoded(asked.columns, asked.form, predictor.header.inputs))
    return answer(predictor, model_id, asked)


def predict_one(predictor: Predictor, model_id: str, parameters: Sequence[tuple[str, str]]) -> bytes:
    """The answer to a GET: one row, its problems placed at the query's parameters."""
    if predictor.header.encoding.image is not None:
        detail = "expected rows in a POST for a model that reads images, found a GET: an image does not fit into a query string"
        raise first_problem([{"location": "query", "code": "invalid-image", "detail": detail}])
    asked = query.read(parameters, predictor.header.inputs)
    try:
        return answer(predictor, model_id, asked)
    except InputError as error:
        raise first_problem([query.relocated(problem) for problem in pointed(error.problems)]) from None


def answer(predictor: Predictor, model_id: str, asked: Asked) -> bytes:
    """The predictions as JSON."""
    prediction = predictor.predict(asked.columns, tasks=asked.tasks, strict=asked.strict, pointer_style=asked.form)
    return orjson.dumps(
        {
            "model": model_id,
            "predictions": {name: shown(found) for name, found in prediction.by_task.items()},
            "warnings": [
                {"code": notice.code, "detail": notice.detail, "pointer": notice.pointer}
                for notice in prediction.notices
            ],
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def shown(found: Values | Labels) -> dict[str, Any]:
    """One task's answers on the wire: arrays as they are written, row by row."""
    if isinstance(found, Labels):
        probabilities = np.ascontiguousarray(found.probabilities)
        return {"labels": found.labels, "classes": found.classes, "probabilities": probabilities}
    return {"values": np.ascontiguousarray(found.values)}
