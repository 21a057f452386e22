"""The one table from errors to HTTP: every failure leaves as ``application/problem+json`` (RFC 9457)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

ENTRIES = 50
"""Most entries in a problem's ``errors``."""
VALUE_CHARACTERS = 64
"""Most characters of a client's own value that a problem repeats."""


@dataclass(frozen=True)
class Kind:
    """What one code means over HTTP."""

    status: int
    title: str
    retryable: bool = False
    closes: bool = False  # the rest of the request body is not read, so the connection cannot be used again


KINDS: Mapping[str, Kind] = {
    # syntax
    "bad-request": Kind(400, "The request is malformed"),
    "invalid-json": Kind(400, "The body is not valid JSON"),
    "duplicate-key": Kind(400, "The body has an object with a key twice"),
    "json-too-deep": Kind(400, "The body nests too deeply"),
    "invalid-cursor": Kind(400, "The cursor is no id of this list"),
    "invalid-idempotency-key": Kind(400, "The idempotency key is malformed"),
    "bad-host": Kind(400, "The Host is not this service", closes=True),
    # who and what
    "unauthorized": Kind(401, "A valid key is needed", closes=True),
    "forbidden": Kind(403, "The key may not do this"),
    "origin-not-allowed": Kind(403, "Pages of other sites may not ask", closes=True),
    "not-found": Kind(404, "There is no such thing"),
    "method-not-allowed": Kind(405, "The method is not allowed here"),
    "request-timeout": Kind(408, "The body came too slowly", retryable=True, closes=True),
    # state
    "dataset-deleted": Kind(409, "The dataset was deleted"),
    "dataset-in-use": Kind(409, "A job still needs the dataset"),
    "model-deleted": Kind(409, "The model was deleted"),
    "not-adapted": Kind(409, "The meta-model answers once it is adapted"),
    "not-adaptable": Kind(409, "The model cannot be adapted"),
    "model-in-use": Kind(409, "A job or an alias still needs the model"),
    "alias-moved": Kind(409, "The alias points elsewhere"),
    "nothing-to-roll-back": Kind(409, "The alias has no model before this one"),
    "job-already-finished": Kind(409, "The job has already ended"),
    "job-not-ended": Kind(409, "The job has not ended yet"),
    "nothing-to-replay": Kind(409, "The job has no model that could be trained again"),
    "request-in-progress": Kind(409, "The first request with this key is still running", retryable=True),
    "range-not-satisfiable": Kind(416, "The file has no such range of bytes"),
    # size and media
    "body-too-large": Kind(413, "The body is too large", closes=True),
    "url-too-long": Kind(414, "The URL is too long", closes=True),
    "headers-too-large": Kind(431, "The headers are too large", closes=True),
    "upload-too-large": Kind(413, "The file is too large", closes=True),
    "too-many-rows": Kind(413, "Too many rows for one request"),
    "unsupported-media-type": Kind(415, "The media type is not supported here", closes=True),
    "unsupported-content-encoding": Kind(415, "Encoded bodies are not accepted", closes=True),
    # the server's own
    "internal-error": Kind(500, "The server failed; it is not the request's fault", retryable=True, closes=True),
    "artifact-missing": Kind(503, "The stored file cannot be read"),
    "database-busy": Kind(503, "The database does not answer", retryable=True),
    "storage-full": Kind(507, "There is no room for the file", retryable=True),
    "busy": Kind(503, "The server is busy", retryable=True),
    "not-ready": Kind(503, "A part that the service needs does not answer", retryable=True),
    "model-corrupt": Kind(503, "The stored model cannot be read"),
    "model-unhealthy": Kind(503, "The model's answer is not a number"),
}
"""Codes that are not about the meaning of an input; every other code is a 422."""

BY_STATUS: Mapping[int, str] = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}
"""The code for a bare status that the framework raises."""


class ApiError(Exception):
    """A failure with its code; ``errors`` are entries ``{pointer | location, code, detail, …}``.

    ``status`` overrides the table's, for a code that an inner room uses for several (a bad file: 413, 415 or 422).
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.kind = kind_of(code) if status is None else replace(kind_of(code), status=status)


def kind_of(code: str) -> Kind:
    """The HTTP meaning of ``code``: from the table, else 422 titled by the code's own words."""
    return KINDS.get(code) or Kind(422, code.replace("-", " ").capitalize())


def shorten(text: str, *, characters: int = VALUE_CHARACTERS) -> str:
    """``text`` as it may be repeated to the client: cut, and without control characters."""
    printable = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: characters + 1]
    )
    return printable if len(printable) <= characters else printable[: characters - 1] + "…"


def first_problem(problems: Sequence[Mapping[str, Any]], *, status: int | None = None) -> ApiError:
    """One error for a list of problems: it takes the code and the sentence of the first, and carries them all."""
    first = problems[0]
    more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
    return ApiError(str(first["code"]), str(first["detail"]) + more, errors=problems, status=status)


def problem(error: ApiError, *, request_id: str, instance: str, problems_url: str) -> dict[str, Any]:
    """The problem document of ``error``, as in API.md section 1."""
    kind = error.kind
    return {
        "type": problems_url + error.code,
        "title": kind.title,
        "status": kind.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
        "request_id": request_id,
        "retryable": kind.retryable,
        "errors": [dict(entry) for entry in error.errors[:ENTRIES]],
    }
