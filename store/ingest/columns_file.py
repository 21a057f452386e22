"""``{"columns": {"a": […], "b": […]}}``, the form of small tables, as one batch of JSON cells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.ingest.errors import refusal
from store.ingest.images.column import ImageShape
from store.ingest.json_cells import JsonCells
from store.ingest.json_text import kind, parse
from store.ingest.limits import IngestLimits
from store.ingest.names import checked_names


class ColumnsFile:
    """A JSON body of columns of equal length."""

    def __init__(self, path: Path, limits: IngestLimits) -> None:
        size = path.stat().st_size
        if size > limits.json_bytes:
            detail = f"expected a JSON body of at most {limits.json_bytes} bytes (send CSV, ndjson or Parquet instead)"
            raise refusal("upload-too-large", detail, status=413, limit=limits.json_bytes, actual=size)
        if size == 0:
            raise refusal("empty-file", 'expected {"columns": {…}}, found no bytes')
        self._columns = _columns(parse(path.read_bytes()))
        self._limits = limits
        self.names = checked_names(list(self._columns), limits)
        self.images: dict[str, ImageShape] = {}
        self.warnings: list[dict[str, str]] = []

    def batches(self) -> Iterator[list[JsonCells]]:
        """All rows at once, for they are in memory already."""
        if next(iter(self._columns.values())):
            yield [
                JsonCells(name, values, first_row=1, cell_bytes=self._limits.cell_bytes)
                for name, values in zip(self.names, self._columns.values(), strict=True)
            ]


def _columns(body: Any) -> dict[str, list[Any]]:
    if not isinstance(body, dict):
        raise refusal("wrong-type", 'expected {"columns": {…}}', actual=kind(body))
    for key in body:
        if key != "columns":
            raise refusal("extra-field", 'expected "columns" and nothing else', actual=key)
    if "columns" not in body:
        raise refusal("missing-field", 'expected "columns", found an empty object')
    columns = body["columns"]
    if not isinstance(columns, dict):
        raise refusal("wrong-type", "expected an object of lists under columns", actual=kind(columns))
    if not columns:
        raise refusal("no-rows", "expected at least one column, found none")
    length: int | None = None
    for name, values in columns.items():
        if not isinstance(values, list):
            raise refusal("wrong-type", "expected a list of cells", column=name, actual=kind(values))
        if length is not None and len(values) != length:
            detail = f"expected columns of equal length, found {len(values)} cells beside {length}"
            raise refusal("ragged-rows", detail, column=name, limit=length, actual=len(values))
        length = len(values)
    return columns
