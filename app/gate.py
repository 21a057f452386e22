"""The head of a request, looked at before anything else: how large it is, which host it means, and whose page sends it."""

import re
from collections.abc import Collection, Sequence

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import ApiError, shorten
from app.problems import respond

URL_BYTES = 32 * 2**10
HEADER_BYTES = 32 * 2**10
HEADERS = 200
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

Headers = Sequence[tuple[bytes, bytes]]


class Gate:
    """Lets in the requests with which nothing is wrong before their key and their body are read.

    ``hosts`` are the names that a ``Host`` may say, without a port; none: any name. ``origins`` are further pages, beside
    the service's own, whose scripts a browser may let ask: ``https://console.example``.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str] = (), origins: Collection[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in hosts)
        self._origins = frozenset(origin.lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            try:
                check_size(scope["raw_path"], scope["query_string"], scope["headers"])
                check_host(scope["headers"], self._hosts, needed=scope["http_version"] != "1.0")
                check_origin(scope["headers"], self._origins)
            except ApiError as error:
                answer = respond(Request(scope), error)
        await answer(scope, receive, send)


def check_size(path: bytes, query: bytes, headers: Headers) -> None:
    """Raises ApiError: ``url-too-long``, ``headers-too-large``."""
    if len(path) + len(query) > URL_BYTES:
        raise _refused("url-too-long", "path", f"expected a URL of at most {URL_BYTES} bytes, found more")
    if len(headers) > HEADERS:
        detail = f"expected at most {HEADERS} headers, found {len(headers)}"
        raise _refused("headers-too-large", "header", detail)
    if sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES:
        raise _refused("headers-too-large", "header", f"expected headers of at most {HEADER_BYTES} bytes, found more")


def check_host(headers: Headers, known: Collection[str], *, needed: bool) -> None:
    """Raises ApiError ``bad-host`` unless there is one name of a host, and one of ``known`` where there are any."""
    said = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if not said and not needed:
        return
    found = _HOST.fullmatch(said[0]) if len(said) == 1 else None
    if found is None:
        shown = shorten(said[0]) if len(said) == 1 else f"{len(said)} of them"
        raise _refused("bad-host", "header/Host", f"expected one Host, found {shown}")
    if known and found[1].lower() not in known:
        raise _refused("bad-host", "header/Host", f"expected the name of this service, found {shorten(found[1])}")


def check_origin(headers: Headers, known: Collection[str]) -> None:
    """A page of another site may not ask, whatever key it has: no browser sends ``Origin`` unasked.

    Raises:
        ApiError: ``origin-not-allowed``.
    """
    for name, value in headers:
        if name == b"origin":
            origin = value.decode("latin-1").lower()
            host = next((text.decode("latin-1").lower() for other, text in headers if other == b"host"), "")
            if origin not in known and origin not in (f"http://{host}", f"https://{host}"):
                detail = f"expected a page of this service, found one of {shorten(origin)}"
                raise _refused("origin-not-allowed", "header/Origin", detail)


def _refused(code: str, location: str, detail: str) -> ApiError:
    return ApiError(code, detail, errors=[{"location": location, "code": code, "detail": detail}])
