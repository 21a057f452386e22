"""ndjson, one object a line, as batches of JSON cells. The columns are the keys of all lines, in order of appearance."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.ingest.errors import refusal
from store.ingest.images.column import ImageShape
from store.ingest.json_cells import JsonCells
from store.ingest.json_text import kind, parse
from store.ingest.limits import IngestLimits
from store.ingest.names import checked_names

BATCH_ROWS = 8_192
LINE_BYTES = 8 * 1024**2
ENDS_SHOWN = 64


class NdjsonFile:
    """An ndjson file whose keys are known. A key that a line lacks is a missing cell; blank lines are skipped."""

    def __init__(self, path: Path, limits: IngestLimits) -> None:
        self._path, self._limits = path, limits
        keys: dict[str, None] = {}
        for _, row in self._rows():
            if not row.keys() <= keys.keys():
                keys.update(dict.fromkeys(row))
                if len(keys) > limits.columns:
                    break
        self._keys = list(keys)
        self.names = checked_names(self._keys, limits)
        self.images: dict[str, ImageShape] = {}
        self.warnings: list[dict[str, str]] = []
        if path.stat().st_size == 0:
            raise refusal("empty-file", "expected one JSON object a line, found no bytes")
        if not keys:
            raise refusal("no-rows", "expected one JSON object a line, found no cell")

    def batches(self) -> Iterator[list[JsonCells]]:
        """The rows in order."""
        gathered: list[dict[str, Any]] = []
        first_row = 1
        for _, row in self._rows():
            gathered.append(row)
            if len(gathered) * len(self._keys) >= BATCH_ROWS * 16 or len(gathered) >= BATCH_ROWS:
                yield self._cells(gathered, first_row)
                first_row += len(gathered)
                gathered = []
        if gathered:
            yield self._cells(gathered, first_row)

    def _cells(self, rows: list[dict[str, Any]], first_row: int) -> list[JsonCells]:
        return [
            JsonCells(name, [row.get(key) for row in rows], first_row=first_row, cell_bytes=self._limits.cell_bytes)
            for name, key in zip(self.names, self._keys, strict=True)
        ]

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        number = 0
        with self._path.open("rb") as file:
            while line := file.readline(LINE_BYTES):
                if len(line) == LINE_BYTES:
                    raise refusal(
                        "cell-too-large",
                        f"expected lines of at most {LINE_BYTES} bytes",
                        row=number + 1,
                        limit=LINE_BYTES,
                    )
                if not line.strip():
                    continue
                number += 1
                row = parse(line, row=number)
                if not isinstance(row, dict):
                    detail = "expected one JSON object a line"
                    raise refusal("wrong-type", detail, row=number, actual=kind(row))
                yield number, row
