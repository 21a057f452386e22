"""Which column names a dataset may have: what a person can type, a log can print and a program can use as a key."""

import unicodedata
from collections.abc import Sequence

from store.ingest.errors import IngestError, problem, refusal
from store.ingest.limits import IngestLimits

# they reorder or hide what a reader sees; the joiners that emoji are built with are not among them
BIDI = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
RESERVED = {"__proto__"}  # a key that JavaScript clients cannot hold


def checked_names(written: Sequence[str], limits: IngestLimits) -> list[str]:
    """The column names as stored: trimmed, else as written. Names that only their Unicode form tells apart are alike.

    Raises:
        IngestError: 422 ``too-many-columns``, ``invalid-column-name`` or ``duplicate-column``.
    """
    if len(written) > limits.columns:
        detail = f"expected at most {limits.columns} columns"
        raise refusal("too-many-columns", detail, limit=limits.columns, actual=len(written))
    names = [name.strip() for name in written]
    problems = [
        problem("invalid-column-name", f"expected a column name {fault}", column=name, actual=position)
        for position, name in enumerate(names, start=1)
        if (fault := _fault(name, limits))
    ]
    first: dict[str, int] = {}
    for position, name in enumerate(names, start=1):
        composed = unicodedata.normalize("NFC", name)
        if composed in first:
            detail = f"expected different column names, found columns {first[composed]} and {position} named alike"
            problems.append(problem("duplicate-column", detail, column=name, actual=position))
        elif name:
            first[composed] = position
    if problems:
        raise IngestError(problems)
    return names


def _fault(name: str, limits: IngestLimits) -> str | None:
    if not name:
        return "that is not empty"
    if any(unicodedata.category(letter) in ("Cc", "Cs") or letter in BIDI for letter in name):
        return "without control characters"
    if len(name.encode()) > limits.name_bytes:
        return f"of at most {limits.name_bytes} bytes"
    if name in RESERVED:
        return f"other than {name}"
    return None
