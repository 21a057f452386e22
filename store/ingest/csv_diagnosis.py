"""Where exactly a CSV file is broken. Runs only when something is wrong (or quotes are odd): row by row, in C where it can.

The two parsers agree on what a quote is: one at the start of a cell opens it, one elsewhere is a letter.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from store.ingest.csv_scan import blocks
from store.ingest.errors import IngestError, refusal
from store.ingest.limits import IngestLimits

LINE_CHARACTERS = 8 * 1024**2


def diagnose(path: Path, *, start: int, columns: int, delimiter: str, limits: IngestLimits) -> IngestError | None:
    """The first fault of the rows from byte ``start`` on, or None when the file is sound."""
    csv.field_size_limit(limits.cell_bytes)
    rows, row_start = 0, start
    lines = _Lines(path, start)
    try:
        for row in csv.reader(lines, delimiter=delimiter, strict=True):
            rows, row_start = rows + bool(row), lines.offset
            if row and len(row) != columns:
                detail = f"expected {columns} cells as in the header, found {len(row)}"
                return refusal("ragged-row", detail, row=rows, limit=columns, actual=len(row))
    except csv.Error as error:
        return _named(str(error), path, rows + 1, row_start, limits)
    except _LineTooLong:
        detail = f"expected rows of at most {LINE_CHARACTERS} characters"
        return refusal("cell-too-large", detail, row=rows + 1, limit=LINE_CHARACTERS)
    return None


def _named(message: str, path: Path, row: int, row_start: int, limits: IngestLimits) -> IngestError:
    if "field larger" in message and not _odd_quotes(path, row_start):
        detail = f"expected cells of at most {limits.cell_bytes} bytes"
        return refusal("cell-too-large", detail, row=row, limit=limits.cell_bytes)
    if "expected after" in message:
        detail = (
            "expected a delimiter or a line end after a closing quote, found text (a quote inside a cell is doubled)"
        )
        return refusal("unterminated-quote", detail, row=row)
    return refusal("unterminated-quote", "expected a closing quote, found the end of the file", row=row)


def _odd_quotes(path: Path, offset: int) -> bool:
    """Whether the quotes from ``offset`` on do not pair up, so that the cell which is open there swallows the file."""
    with path.open("rb") as file:
        file.seek(offset)
        return sum(block.count(b'"') for block in blocks(file)) % 2 == 1


class _LineTooLong(Exception):
    """A line that no sound row is as long as; reading on would hold it all in memory."""


class _Lines:
    """The lines of the file as ``csv.reader`` wants them; ``offset`` is the byte after the last one given."""

    def __init__(self, path: Path, start: int) -> None:
        self._path = path
        self._start = start
        self.offset = start

    def __iter__(self) -> Iterator[str]:
        with self._path.open("rb") as raw:
            raw.seek(self._start)
            # newline="": line ends stay as they are, and a lone carriage return is one
            with io.TextIOWrapper(raw, encoding="utf-8", newline="") as file:
                while line := file.readline(LINE_CHARACTERS):
                    if len(line) == LINE_CHARACTERS:
                        raise _LineTooLong
                    self.offset += len(line.encode())
                    yield line
