"""Request bodies, read by hand: the framework would read them before the key is checked, without limits, and lax."""

import asyncio
import codecs
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from email.message import Message
from typing import Any

from starlette.requests import Request

from app import strict_json
from app.errors import ApiError, shorten

JSON = "application/json"


@dataclass(frozen=True)
class Declared:
    """What the request says of its body. ``charset`` by the codec's own name: ``utf-8``, ``iso8859-1``."""

    type: str
    charset: str


def media_type(
    request: Request, allowed: Collection[str], *, charsets: Mapping[str, Collection[str]] | None = None
) -> Declared:
    """The body's declared type.

    Args:
        charsets: those that a type may be written in beside UTF-8.
    Raises:
        ApiError: ``unsupported-media-type`` when it is absent, given twice, not in ``allowed`` or in another charset;
            ``unsupported-content-encoding`` when the body is compressed (we inflate nothing).
    """
    encodings = [value for value in request.headers.getlist("content-encoding") if value.lower() != "identity"]
    if encodings:
        raise ApiError(
            "unsupported-content-encoding", f"expected a body without Content-Encoding, found {shorten(encodings[0])}"
        )
    declared = request.headers.getlist("content-type")
    known = ", ".join(sorted(allowed))
    if len(declared) != 1:
        found = "none" if not declared else f"{len(declared)} of them"
        raise ApiError("unsupported-media-type", f"expected one Content-Type of {known}, found {found}")
    message = Message()
    message["content-type"] = declared[0]
    found = message.get_content_type() if "/" in declared[0] else ""
    charset = str(message.get_param("charset", "utf-8"))
    if found not in allowed:
        raise ApiError("unsupported-media-type", f"expected Content-Type {known}, found {shorten(declared[0])}")
    written = ("utf-8", *(charsets or {}).get(found, ()))
    if _codec(charset) not in {_codec(offered) for offered in written}:
        offered = ", ".join(sorted(set(written)))
        raise ApiError("unsupported-media-type", f"expected charset {offered}, found {shorten(charset)}")
    return Declared(found, _codec(charset))


def _codec(charset: str) -> str:
    """One name for all names of a charset; an unknown one is itself."""
    try:
        return codecs.lookup(charset).name
    except (LookupError, ValueError):
        return charset


async def chunks(
    request: Request, *, most_bytes: int, idle_seconds: float, seconds: float, too_large: str = "body-too-large"
) -> AsyncGenerator[bytes, None]:
    """The body's bytes as they arrive.

    Raises:
        ApiError: ``too_large`` as soon as Content-Length or the bytes so far pass ``most_bytes``; ``request-timeout``
            after ``idle_seconds`` of silence or ``seconds`` in all.
        ClientDisconnect: the client went away.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most_bytes:
        raise _too_large(too_large, most_bytes, f"Content-Length {shorten(declared)}")
    received = 0
    deadline = asyncio.get_running_loop().time() + seconds
    async with aclosing(request.stream()) as stream:
        while True:
            try:
                left = deadline - asyncio.get_running_loop().time()
                async with asyncio.timeout(min(idle_seconds, left)):
                    chunk = await anext(stream, None)
            except TimeoutError:
                raise ApiError("request-timeout", f"expected a body within {idle_seconds:g} s, found silence") from None
            if chunk is None:
                return
            received += len(chunk)
            if received > most_bytes:
                raise _too_large(too_large, most_bytes, "more")
            yield chunk


def _too_large(code: str, most_bytes: int, found: str) -> ApiError:
    entry = {"location": "body", "code": code, "detail": f"at most {most_bytes} bytes", "limit": most_bytes}
    return ApiError(code, f"expected at most {most_bytes} bytes, found {found}", errors=[entry])


async def read(request: Request, *, most_bytes: int, idle_seconds: float) -> bytes:
    """The whole body, at most ``most_bytes``."""
    stream = chunks(request, most_bytes=most_bytes, idle_seconds=idle_seconds, seconds=4 * idle_seconds)
    async with aclosing(stream):
        return b"".join([chunk async for chunk in stream])


async def read_object(request: Request, *, most_bytes: int, idle_seconds: float) -> dict[str, Any]:
    """The body as one JSON object, its integers exact, its strings fit for a database."""
    media_type(request, (JSON,))
    value = strict_json.parse(await read(request, most_bytes=most_bytes, idle_seconds=idle_seconds))
    if not isinstance(value, dict):
        raise ApiError(
            "wrong-type",
            f"expected a JSON object, found {strict_json.kind(value)}",
            errors=[{"pointer": "", "code": "wrong-type", "detail": "expected a JSON object"}],
        )
    bad = [
        {"pointer": pointer, "code": "invalid-character", "detail": "expected text without NUL"}
        for pointer in strict_json.nul_pointers(value)
    ]
    if bad:
        raise ApiError("invalid-character", "expected text without NUL, found one", errors=bad)
    return value
