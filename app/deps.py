"""What endpoints ask for in their signatures."""

from typing import Annotated, Any

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app import bodies
from app.errors import ApiError, first_problem, shorten
from app.parts import Parts
from store.keys import Principal

_bearer = HTTPBearer(auto_error=False, description="A key of your project: `Authorization: Bearer tg_…`")


def parts(request: Request) -> Parts:
    """The parts this process holds; async callers get them without a thread."""
    held: Parts = request.app.state.parts
    return held


async def principal(
    request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None
) -> Principal:
    """Who is asking. The root router depends on this, so no route of the API is open by mistake."""
    who: Principal | None = getattr(request.state, "principal", None)
    if who is None:
        who = await parts(request).keyring.principal(request.headers.getlist("authorization"))
        request.state.principal = who
    return who


async def readable_query(request: Request) -> None:
    """No query value may hold a NUL: no text of the database can."""
    if b"%00" in request.scope["query_string"]:
        raise first_problem(
            [{"location": "query", "code": "invalid-character", "detail": "expected text without NUL, found one"}]
        )


async def no_query(request: Request) -> None:
    """An endpoint without parameters takes none: a misspelt one must not be ignored.

    Raises:
        ApiError: ``unknown-parameter``.
    """
    found = [f"query/{shorten(name)}" for name in request.query_params]
    if found:
        raise first_problem(
            [
                {"location": where, "code": "unknown-parameter", "detail": f"{where}: expected no parameters here"}
                for where in found
            ]
        )


async def _parts(request: Request) -> Parts:
    return parts(request)


async def json_object(request: Request) -> dict[str, Any]:
    """The body of a small request as one strict JSON object."""
    limits = parts(request).settings
    return await bodies.read_object(request, most_bytes=limits.json_bytes, idle_seconds=limits.body_idle_seconds)


async def optional_json_object(request: Request) -> dict[str, Any]:
    """As :func:`json_object`, and an empty object for no body at all."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return {}
    return await json_object(request)


async def idempotency_key(
    request: Request,
    shown: Annotated[
        str | None,
        Header(alias="Idempotency-Key", description="Repeat a request with the same key and it happens once."),
    ] = None,
) -> str | None:
    """The request's idempotency key.

    Raises:
        ApiError: ``invalid-idempotency-key`` unless it is one header of 1 to 255 visible ASCII characters.
    """
    found = request.headers.getlist("idempotency-key")
    if not found:
        return None
    if len(found) > 1 or not 1 <= len(found[0]) <= 255 or not all("!" <= letter <= "~" for letter in found[0]):
        raise ApiError(
            "invalid-idempotency-key",
            f"expected one Idempotency-Key of 1 to 255 visible ASCII characters, found {len(found)} of {len(found[0])}",
            errors=[
                {
                    "location": "header/Idempotency-Key",
                    "code": "invalid-idempotency-key",
                    "detail": "1 to 255 visible ASCII",
                }
            ],
        )
    return shown


NO_QUERY = Depends(no_query)
Held = Annotated[Parts, Depends(_parts)]
Who = Annotated[Principal, Depends(principal)]
Body = Annotated[dict[str, Any], Depends(json_object)]
OptionalBody = Annotated[dict[str, Any], Depends(optional_json_object)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
