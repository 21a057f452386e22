"""Parts of a file (RFC 9110, section 14): one range of bytes; several at once are answered by the whole file."""

import re
from collections.abc import Iterator
from pathlib import Path

from app.errors import ApiError, shorten

BLOCK = 1 << 18
_RANGE = re.compile(r"\s*(\d{0,19})-(\d{0,19})\s*", re.ASCII)


def wanted(header: str | None, size: int) -> range | None:
    """The bytes that a ``Range`` header asks for, None for all of them: without one, in another unit, or for several.

    Raises:
        ApiError: ``range-not-satisfiable`` when it asks for no byte of a file of ``size`` bytes.
    """
    unit, equals, said = (header or "").partition("=")
    if unit.strip().lower() != "bytes" or not equals or "," in said:
        return None
    written = _RANGE.fullmatch(said)
    first, last = written.groups() if written else ("", "")
    if first:
        found = range(int(first), min(int(last) + 1, size) if last else size)
        inverted = bool(last) and int(last) < int(first)
    else:
        found, inverted = range(max(size - int(last or 0), 0), size), False
    if not found or inverted:
        detail = f"expected a range of bytes between 0 and {size - 1}, found {shorten(said)!r}"
        headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise ApiError("range-not-satisfiable", detail, headers=headers)
    return found


def blocks(path: Path, part: range) -> Iterator[bytes]:
    """The bytes of ``part``."""
    with path.open("rb") as file:
        file.seek(part.start)
        left = len(part)
        while left and (block := file.read(min(BLOCK, left))):
            left -= len(block)
            yield block
