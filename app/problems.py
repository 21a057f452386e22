"""Turns whatever is raised into a problem document: our errors, the inner rooms' errors, and the framework's own."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.errors import BY_STATUS, ApiError, first_problem, kind_of, problem, shorten
from app.settings import AppSettings
from learning.errors import InputError, ModelUnhealthy, Problem, SpecError, pointer_to
from store.errors import StoreError
from store.ingest.errors import IngestError

MEDIA_TYPE = "application/problem+json"
METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")  # and HEAD, wherever GET is: see app.edge
CURSOR = "query/after"
"""Where a list goes on: whatever is wrong with it, it is no place in the list."""
PARAMETER_CODES = {
    "extra_forbidden": "unknown-parameter",
    "missing": "missing-field",
    "literal_error": "unknown-value",
    "out_of_range": "out-of-range",
    "finite_number": "out-of-range",
    "greater_than": "out-of-range",
    "greater_than_equal": "out-of-range",
    "less_than": "out-of-range",
    "less_than_equal": "out-of-range",
    "string_too_long": "too-long",
    "string_too_short": "too-short",
}
"""Pydantic's word for a bad parameter: ours. Any other is ``wrong-type``."""


def respond(request: Request, error: ApiError) -> Response:
    """The problem document of ``error`` as an answer to ``request``."""
    settings: AppSettings = request.app.state.settings
    request_id = str(request.scope["state"]["request_id"])
    kind = error.kind
    body = problem(
        error,
        request_id=request_id,
        instance=shorten(request.scope["path"], characters=200),
        problems_url=settings.problems_url,
    )
    headers = {"X-Request-Id": request_id, **error.headers}
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="taskgraft"'
    if kind.retryable and kind.status != 500:
        headers.setdefault("Retry-After", "1")
    if kind.status > 500 and not kind.retryable:  # nobody will repeat it: somebody must look
        request.app.state.log.error("problem", id=request_id, code=error.code, path=request.scope["path"][:256])
    if kind.closes:
        headers["Connection"] = "close"
    return Response(orjson.dumps(body), status_code=kind.status, headers=headers, media_type=MEDIA_TYPE)


def pointed(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """The inner room's problems as entries of a problem document."""
    return [{"pointer": found.pointer, "code": found.code, "detail": found.detail} for found in problems]


def translate(error: Exception) -> ApiError:
    """Our error for one of an inner room."""
    if isinstance(error, SpecError | InputError):
        return first_problem(pointed(error.problems))
    if isinstance(error, IngestError):
        return first_problem([_located(entry) for entry in error.problems], status=error.status)
    if isinstance(error, StoreError):
        return ApiError(error.code, str(error))
    if isinstance(error, ModelUnhealthy):
        return ApiError(
            "model-unhealthy",
            "expected finite outputs, found NaN or infinity: the model's weights overflow on this input",
        )
    if isinstance(error, RequestValidationError):
        return first_problem([_parameter(entry) for entry in error.errors()])
    raise error


def _located(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with a file, or with the option in the query that says how it is to be read."""
    option = entry.get("option")
    rest = {name: value for name, value in entry.items() if name != "option"}
    return {"location": f"query/{option}" if option else "body", **rest}


def _parameter(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A bad query, path or header value as an entry; the value itself is not repeated."""
    # a check over all parameters says itself which of them it means
    one = entry.get("ctx", {}).get("parameter")
    path = entry["loc"] if one is None else (*entry["loc"], one)
    where = "/".join(shorten(str(part)) for part in path)
    code = "invalid-cursor" if where == CURSOR else PARAMETER_CODES.get(entry["type"], "wrong-type")
    return {
        "location": where,
        "code": code,
        "detail": f"{where}: {entry['msg']}",
    }


def body_problems(error: ValidationError) -> list[dict[str, Any]]:
    """What a small body's schema found, by JSON pointer."""
    codes = {**PARAMETER_CODES, "extra_forbidden": "extra-field"}
    return [
        {"pointer": pointer_to(*entry["loc"]), "code": codes.get(entry["type"], "wrong-type"), "detail": entry["msg"]}
        for entry in error.errors(include_url=False, include_input=False)
    ]


def install(app: FastAPI) -> None:
    """Give ``app`` a problem document for everything that can go wrong in it."""

    async def own(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return respond(request, error)

    async def inner(request: Request, error: Exception) -> Response:
        return respond(request, translate(error))

    async def framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(request, _from_framework(request, error))

    async def gone(_request: Request, _error: Exception) -> Response:
        # nobody reads this answer; 499 stands in the log
        return Response(status_code=499)

    async def unexpected(request: Request, error: Exception) -> Response:
        request.app.state.log.error("failure", id=request.scope["state"]["request_id"], exc_info=error)
        return respond(
            request, ApiError("internal-error", "the server failed on this request; the request id finds it in the log")
        )

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        ApiError: own,
        HTTPException: framework,
        ClientDisconnect: gone,
        Exception: unexpected,
        **dict.fromkeys(
            (SpecError, InputError, IngestError, ModelUnhealthy, StoreError, RequestValidationError), inner
        ),
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _from_framework(request: Request, error: HTTPException) -> ApiError:
    code = BY_STATUS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal-error")
    if code == "not-found":
        return ApiError(code, "expected a path of this API, found none here")
    if code == "method-not-allowed":
        allowed = ", ".join(_allowed(request))
        return ApiError(code, f"expected one of {allowed}, found {shorten(request.method)}", headers={"Allow": allowed})
    return ApiError(code, kind_of(code).title)


def _allowed(request: Request) -> list[str]:
    """Every method that the path answers to: the framework's own header names those of one route only."""
    scopes = ({**request.scope, "method": method} for method in METHODS)
    found = [
        scope["method"] for scope in scopes if any(route.matches(scope)[0].value == 2 for route in request.app.routes)
    ]
    return sorted([*found, *(["HEAD"] if "GET" in found else [])])
