"""One request, tried again where that is safe: every POST that stores something carries an Idempotency-Key."""

import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from taskgraft.errors import Document, ProblemError, Unreachable
from taskgraft.location import Location

Content = Callable[[], bytes | Iterator[bytes]]  # opened anew for each try: a stream can be read once
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    params: Mapping[str, Any] | None = None
    body: Document | None = None
    content: Content | None = None
    media_type: str = "application/json"
    timeout_seconds: float | None = None


class Transport:
    """A pooled HTTP connection with the key, the retries, and problem documents turned into ``ProblemError``."""

    def __init__(self, location: Location, *, timeout_seconds: float, tries: int) -> None:
        self._http = httpx.Client(
            base_url=location.url,
            headers={"Authorization": f"Bearer {location.key}", "Accept": "application/json"},
            timeout=timeout_seconds,
        )
        self._tries = tries
        self._close = weakref.finalize(self, self._http.close)  # for those who write no `with`: also at exit

    def close(self) -> None:
        self._close()

    def send(self, request: Request) -> httpx.Response:
        """The good answer.

        Raises:
            ProblemError: the service refused.
            Unreachable: no connection after every try.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())} if request.method == "POST" else {}
        for left in reversed(range(self._tries)):
            try:
                response = self._once(request, headers)
            except httpx.TransportError as error:
                if not left:
                    raise Unreachable(
                        f"expected an answer from {self._http.base_url}, found {type(error).__name__}: {error}"
                    ) from error
                pause = self._pause(left)
            else:
                if response.is_success:
                    return response
                problem = _problem(response)
                if not (left and problem.get("retryable")):
                    raise ProblemError(problem)
                pause = min(float(response.headers.get("Retry-After", self._pause(left))), _LONGEST_PAUSE_SECONDS)
            time.sleep(pause)
        raise AssertionError("a client is made with one try at least")

    @contextmanager
    def stream(self, path: str, *, params: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """A server-sent answer that stays open; its reader decides what a broken connection means."""
        with self._http.stream("GET", path, params=dict(params), headers=dict(headers)) as response:
            if not response.is_success:
                response.read()
                raise ProblemError(_problem(response))
            yield response

    def _once(self, request: Request, headers: Mapping[str, str]) -> httpx.Response:
        own = dict(headers)
        if request.content is not None:
            own["Content-Type"] = request.media_type
        timeout = httpx.USE_CLIENT_DEFAULT if request.timeout_seconds is None else request.timeout_seconds
        return self._http.request(
            request.method,
            request.path,
            params={name: value for name, value in (request.params or {}).items() if value is not None},
            json=request.body,
            content=request.content() if request.content else None,
            headers=own,
            timeout=timeout,
        )

    def _pause(self, left: int) -> float:
        return float(min(_FIRST_PAUSE_SECONDS * 2 ** (self._tries - 1 - left), _LONGEST_PAUSE_SECONDS))


def _problem(response: httpx.Response) -> Document:
    """The problem document, or one made from whatever a proxy in between has said."""
    if response.headers.get("Content-Type", "").startswith("application/problem+json"):
        return dict(response.json())
    return {
        "status": response.status_code,
        "code": "not-the-service",
        "detail": f"expected a problem document, found {response.headers.get('Content-Type', 'no content type')}",
        "retryable": response.status_code in (502, 503, 504),
        "errors": [],
    }
