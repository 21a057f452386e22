"""The outermost layer: an id for every request, a log line for every answer, HEAD as GET, and two headers."""

import sys
import time
from collections.abc import MutableMapping
from typing import Any, BinaryIO
from uuid import uuid4

import orjson
import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Log = structlog.typing.FilteringBoundLogger


def _one_line(event: MutableMapping[str, Any], **_options: Any) -> bytes:
    """A log line; JSON escapes what a client might put into it (line ends, terminal codes)."""
    return orjson.dumps(event)


def make_log(stream: BinaryIO | None = None) -> Log:
    """A logger of JSON lines, on standard error if nothing else is said."""
    log: Log = structlog.wrap_logger(
        structlog.BytesLogger(stream or sys.stderr.buffer),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_one_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )
    return log


class Edge:
    """Names each request, and logs method, path (never the query string), status and milliseconds.

    HEAD is answered as GET without its body. It is never a stream of events, which would not end.
    """

    def __init__(self, app: ASGIApp, *, log: Log) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = "req_" + uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 500

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                if not any(name == b"x-request-id" for name, _ in headers):
                    headers.append((b"x-request-id", request_id.encode()))
                headers.append((b"x-content-type-options", b"nosniff"))
            elif head:
                message = {**message, "body": b""}
            await send(message)

        head = scope["method"] == "HEAD"
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept"]
        inner = {**scope, "method": "GET", "headers": headers} if head else scope
        try:
            await self._app(inner, receive, named_send)
        finally:
            self._log.info(
                "request",
                id=request_id,
                method=scope["method"],
                path=scope["path"][:256],
                status=status,
                milliseconds=round((time.perf_counter() - started) * 1e3, 2),
            )
