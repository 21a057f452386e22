"""Whatever table is written in whatever format, its values come back; whatever bytes arrive, nothing but a refusal."""

import csv
import io
import json
from contextlib import suppress
from datetime import datetime
from functools import partial
from unicodedata import normalize

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from store.ingest import IngestError, IngestLimits, IngestOptions
from store.ingest.decode import decode
from tests.store.ingest.conftest import COLUMNS, CSV, NDJSON, PARQUET
from tests.store.ingest.parquet_bytes import parquet

LIMITS = IngestLimits(threads=1)
every = partial(settings, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

letters = some.characters(exclude_categories=["Cs"], exclude_characters="\0")
names = some.text(
    some.characters(categories=["L", "N", "P", "S"], exclude_characters=";|"), min_size=1, max_size=8
).filter(lambda name: len(name.encode()) <= 256)
CELLS = {
    "number": some.floats(-1e150, 1e150).map(lambda x: x + 0.0),
    "category": some.text(letters, max_size=12).map("v".__add__),  # else some would be numbers, and should be
    "boolean": some.booleans(),
    "date": some.datetimes(),
}


@some.composite
def tables(draw):
    """Columns by name, each of one type with missing cells, at least one row."""
    rows = draw(some.integers(1, 12))
    columns = {}
    for name in draw(some.lists(names, min_size=1, max_size=4, unique_by=lambda name: normalize("NFC", name))):
        cell = CELLS[draw(some.sampled_from(sorted(CELLS)))]
        columns[name] = draw(some.lists(some.none() | cell, min_size=rows, max_size=rows))
    return columns


def as_json(value):
    return value.isoformat() if isinstance(value, datetime) else value


def written_csv(columns: dict) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(
        ["" if cell is None else as_json(cell) for cell in row] for row in zip(*columns.values(), strict=True)
    )
    return file.getvalue().encode()


def written_ndjson(columns: dict) -> bytes:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(json.dumps(row, default=as_json) for row in rows).encode()


def written_columns(columns: dict) -> bytes:
    return json.dumps({"columns": columns}, default=as_json).encode()


def written_parquet(columns: dict) -> bytes:
    return parquet({name: pa.array(cells) for name, cells in columns.items()})


WRITERS = {CSV: written_csv, NDJSON: written_ndjson, COLUMNS: written_columns, PARQUET: written_parquet}


def decoded(folder, content: bytes, media_type: str):
    source, target = folder / "source", folder / "target"
    source.write_bytes(content)
    return decode(source, media_type=media_type, options=IngestOptions(), target=target, limits=LIMITS), pq.read_table(
        target
    )


@pytest.mark.parametrize("media_type", WRITERS)
@given(columns=tables())
@every(max_examples=40)
def test_the_values_of_a_table_survive_the_format_it_is_written_in(tmp_path, media_type, columns):
    description, table = decoded(tmp_path, WRITERS[media_type](columns), media_type)
    assert table.to_pydict() == columns
    assert description["rows"] == table.num_rows
    for told, column in zip(description["columns"], columns.values(), strict=True):
        present = [cell for cell in column if cell is not None]
        assert told["missing"] == len(column) - len(present)
        assert told["distinct"] == len(set(present))


@pytest.mark.parametrize("media_type", [CSV, NDJSON, COLUMNS])
@given(content=some.binary(max_size=200) | some.text(max_size=200).map(str.encode))
@every(max_examples=80)
def test_random_bytes_are_refused_or_are_a_table(tmp_path, media_type, content):
    with suppress(IngestError):
        decoded(tmp_path, content, media_type)


@given(content=some.text(alphabet='a1,"\n\r;. é', min_size=1, max_size=60))
@every(max_examples=200)
def test_a_csv_of_any_quotes_and_line_ends_has_the_cells_that_another_reader_finds(tmp_path, content):
    try:
        expected = [row for row in csv.reader(io.StringIO(content, newline=""), strict=True) if row]
    except csv.Error:
        expected = []
    width = len(expected[0]) if expected else 0
    sound = len(expected) > 1 and all(len(row) == width for row in expected)
    try:
        _, table = decoded(tmp_path, content.encode(), CSV)
        found = table.num_rows
    except IngestError as refusal:
        found = refusal.problems[0]["code"]
    if sound:  # its names or numbers may still be refused, its rows may not
        assert found == len(expected) - 1 or found in NOT_OF_ROWS
    else:
        assert isinstance(found, str)


NOT_OF_ROWS = {"invalid-column-name", "duplicate-column", "single-column", "non-finite-value", "out-of-range"}


@given(place=some.integers(0, 10_000), mask=some.integers(1, 255), size=some.integers(1, 8))
@every(max_examples=60)
def test_a_parquet_file_with_any_bytes_changed_is_refused_or_is_a_table(upload, place, mask, size):
    content = bytearray(CHANGED)
    for i in range(place % len(content), min(place % len(content) + size, len(content))):
        content[i] ^= mask
    with suppress(IngestError):
        upload(bytes(content), PARQUET)


CHANGED = parquet({"a": [1.5, None, 3.0], "b": ["x", "y", None], "c": [True, False, None]}, compression="snappy")
