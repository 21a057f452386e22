"""What is sent as the body of an upload: a file (opened anew for each try), bytes, or columns."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from taskgraft.transport import Content

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".zip": "application/zip",
}
_CHUNK_BYTES = 1 << 20

Columns = Mapping[str, Sequence[Any]]


def content_of(source: Path | str | bytes | Columns) -> tuple[Content, str, str | None]:
    """How to send what was given: its bytes (opened anew for a retry), their media type, and a name for the dataset."""
    if isinstance(source, bytes):
        data = source
        return lambda: data, "text/csv", None
    if isinstance(source, Mapping):
        text = json.dumps({"columns": {name: list(values) for name, values in source.items()}}).encode()
        return lambda: text, "application/json", None
    path = Path(source)
    if path.suffix.lower() not in MEDIA_TYPES:
        raise ValueError(
            f"expected a file ending in one of {', '.join(sorted(MEDIA_TYPES))}, found {path.name}: pass media_type and bytes"
        )

    return chunks_of(path), MEDIA_TYPES[path.suffix.lower()], path.stem


def chunks_of(path: Path) -> Content:
    """The file's bytes, from its beginning for each try."""

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk

    return chunks
