"""What an upload may be refused for. One exception; each of its problems says what, where, and what was found."""

from collections.abc import Sequence
from typing import Any

from store.errors import StoreError

SHOWN_CHARACTERS = 64
MAX_PROBLEMS = 50


class IngestError(StoreError):
    """The bytes cannot become a dataset; nothing is kept of them.

    ``status`` is 422 (what the file says), 413 (how much), 415 (which kind) or 400 (broken JSON).
    """

    code = "invalid-file"

    def __init__(self, problems: Sequence[dict[str, Any]], *, status: int = 422) -> None:
        self.problems = [dict(item) for item in problems[:MAX_PROBLEMS]]
        self.status = status
        super().__init__("; ".join(f"{item['code']}: {item['detail']}" for item in self.problems[:5]))


def problem(
    code: str,
    detail: str,
    *,
    row: int | None = None,
    column: str | None = None,
    byte_offset: int | None = None,
    limit: int | float | None = None,
    actual: object = None,
    option: str | None = None,
    entry: str | None = None,
) -> dict[str, Any]:
    """One entry of ``IngestError.problems``; what does not apply is left out. ``option`` is the one of ``IngestOptions``
    that is at fault, where the file is not; ``entry`` the name in an archive, of which the end is shown.

    ``row`` counts data rows from 1: the header and blank lines are not counted. ``byte_offset`` counts from 0.
    ``actual`` and ``column`` are cut at 64 characters, for they are the caller's own bytes.
    """
    told: dict[str, Any] = {"code": code, "detail": detail}
    where = {
        "row": row,
        "column": column and _shown(column),
        "byte_offset": byte_offset,
        "limit": limit,
        "option": option,
        "entry": entry and _shown(entry[-SHOWN_CHARACTERS:]),
    }
    told.update({key: value for key, value in where.items() if value is not None})
    if actual is not None:
        told["actual"] = _shown(actual) if isinstance(actual, str) else actual
    return told


def _shown(text: str) -> str:
    """The first characters; half of a surrogate pair, which no JSON answer can hold, as ``\\ud800``."""
    return text[:SHOWN_CHARACTERS].encode(errors="backslashreplace").decode()


def refusal(
    code: str,
    detail: str,
    *,
    status: int = 422,
    row: int | None = None,
    column: str | None = None,
    byte_offset: int | None = None,
    limit: int | float | None = None,
    actual: object = None,
    option: str | None = None,
    entry: str | None = None,
) -> IngestError:
    """An ``IngestError`` of a single problem."""
    return IngestError(
        [
            problem(
                code,
                detail,
                row=row,
                column=column,
                byte_offset=byte_offset,
                limit=limit,
                actual=actual,
                option=option,
                entry=entry,
            )
        ],
        status=status,
    )
