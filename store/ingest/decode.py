"""From one uploaded file to canonical Parquet and its description: what a decoder process runs."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from store.ingest.canonical import CanonicalWriter
from store.ingest.columns_file import ColumnsFile
from store.ingest.csv_file import CsvFile, as_utf8
from store.ingest.description import Description, describe_file
from store.ingest.errors import refusal
from store.ingest.images.archive import ImageArchive
from store.ingest.images.column import ImageShape
from store.ingest.inference import Facts, column_warnings, kind_of, refuse_wild_numbers
from store.ingest.limits import IngestLimits, IngestOptions
from store.ingest.ndjson_file import NdjsonFile
from store.ingest.parquet_file import ParquetFile

CSV, PARQUET, NDJSON, COLUMNS = "text/csv", "application/vnd.apache.parquet", "application/x-ndjson", "application/json"
ZIP = "application/zip"
# first bytes that no text format begins with, and what they are
BINARY = {b"PAR1": "Parquet", b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "gzip", b"\x89PNG": "an image"}
EXPECTED = {"Parquet": PARQUET, "a zip archive": ZIP}


class Cells(Protocol):
    """A batch of one column."""

    def facts(self) -> Facts: ...
    def to(self, kind: str) -> pa.Array: ...


class Source(Protocol):
    """A file of one format, opened. ``batches`` may be run through more than once; ``images``: its columns of pictures."""

    names: list[str]
    images: dict[str, ImageShape]
    warnings: list[dict[str, str]]

    def batches(self) -> Iterator[Sequence[Cells]]: ...


@dataclass(frozen=True)
class _Written:
    """What became of the columns, in their order, and the bytes of all cells."""

    kinds: list[str]
    facts: list[Facts]
    decoded_bytes: int


def decode(source: Path, *, media_type: str, options: IngestOptions, target: Path, limits: IngestLimits) -> Description:
    """Writes ``source`` to ``target`` as canonical Parquet and describes it.

    Raises:
        IngestError: the file is refused.
    """
    scratch = target.with_name(target.name + ".text")
    try:
        opened = _opened(source, media_type, options, limits, scratch)
        for name in options.types:
            if name not in opened.names:
                raise refusal(
                    "unknown-column", "expected the name of a column of this file in types", column=name, option="types"
                )
        with ThreadPoolExecutor(limits.threads) as threads:
            written = _written(opened, options, target, limits, threads)
            for name, kind, seen in zip(opened.names, written.kinds, written.facts, strict=True):
                if kind == "number":
                    refuse_wild_numbers(name, seen)
            description = describe_file(target, threads, decoded_bytes=written.decoded_bytes)
    finally:
        scratch.unlink(missing_ok=True)
    understood = [
        warning
        for index, (name, kind, seen) in enumerate(zip(opened.names, written.kinds, written.facts, strict=True))
        for warning in column_warnings(index, name, kind, seen)
    ]
    return _with_warnings(description, [*opened.warnings, *understood])


def _opened(path: Path, media_type: str, options: IngestOptions, limits: IngestLimits, scratch: Path) -> Source:
    kind, _, parameters = (part.strip().lower() for part in media_type.partition(";"))
    _refuse_mismatch(path, kind)
    if kind == CSV:
        charset = _charset(parameters)
        return CsvFile(as_utf8(path, charset, scratch), options, limits)
    if kind == PARQUET:
        return ParquetFile(path, limits)
    if kind == NDJSON:
        return NdjsonFile(path, limits)
    if kind == COLUMNS:
        return ColumnsFile(path, limits)
    if kind == ZIP:
        return ImageArchive(path, options, limits, scratch)
    detail = f"expected a Content-Type out of {CSV}, {PARQUET}, {NDJSON}, {COLUMNS}, {ZIP}"
    raise refusal("unsupported-media-type", detail, status=415, actual=kind)


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip() == "charset":
            return value.strip(' "')
    return "utf-8"


def _refuse_mismatch(path: Path, kind: str) -> None:
    with path.open("rb") as file:
        head = file.read(4)
    for magic, what in BINARY.items():
        if head.startswith(magic) and EXPECTED.get(what) != kind:
            raise refusal("content-mismatch", f"expected {kind} as the Content-Type says, found {what}", status=415)


def _written(source: Source, options: IngestOptions, target: Path, limits: IngestLimits, threads: Executor) -> _Written:
    """Infers and writes in one pass, trusting the first batches; where later rows change a type, a second pass writes."""
    facts = [Facts() for _ in source.names]
    writer: CanonicalWriter | None = None
    rows, trusted = 0, True
    try:
        for batch in source.batches():
            found = list(threads.map(lambda cells: cells.facts(), batch))
            rows += found[0].cells + found[0].missing
            _refuse_cells(rows, len(source.names), limits)
            facts = [before + now for before, now in zip(facts, found, strict=True)]
            kinds = _kinds(source.names, facts, options)
            trusted = trusted and (writer is None or writer.types == kinds)
            if trusted:
                writer = writer or CanonicalWriter(target, source.names, kinds, images=source.images)
                writer.add(_values(batch, kinds, threads))
        if writer is None:
            raise refusal("no-rows", "expected at least one row of data, found none")
        if trusted:
            return _Written(kinds, facts, writer.close())
    finally:
        if writer is not None:
            writer.abandon()
    return _Written(kinds, facts, _rewrite(source, kinds, target, threads))


def _rewrite(source: Source, kinds: list[str], target: Path, threads: Executor) -> int:
    writer = CanonicalWriter(target, source.names, kinds, images=source.images)
    try:
        for batch in source.batches():
            writer.add(_values(batch, kinds, threads))
        return writer.close()
    finally:
        writer.abandon()


def _values(batch: Sequence[Cells], kinds: Sequence[str], threads: Executor) -> list[pa.Array]:
    return list(threads.map(lambda pair: pair[0].to(pair[1]), zip(batch, kinds, strict=True)))


def _kinds(names: Sequence[str], facts: Sequence[Facts], options: IngestOptions) -> list[str]:
    return [options.types.get(name) or kind_of(seen) for name, seen in zip(names, facts, strict=True)]


def _refuse_cells(rows: int, columns: int, limits: IngestLimits) -> None:
    if rows * columns > limits.cells:
        detail = f"expected at most {limits.cells} cells (rows times columns)"
        raise refusal("upload-too-large", detail, status=413, limit=limits.cells, actual=rows * columns)


def _with_warnings(description: Description, warnings: list[dict[str, Any]]) -> Description:
    said = {(warning["code"], warning["pointer"]) for warning in warnings}
    others = [warning for warning in description["warnings"] if (warning["code"], warning["pointer"]) not in said]
    return {**description, "warnings": [*warnings, *others]}
