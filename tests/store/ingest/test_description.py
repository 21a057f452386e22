"""Statistics and warnings, value by value."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from store.ingest import canonical_table, describe
from tests.store.ingest.conftest import NDJSON, PARQUET
from tests.store.ingest.parquet_bytes import parquet

STATISTICS = {
    "numbers": ([3.0, 1.0, None, 1.0, -0.0, 0.0], {"type": "number", "missing": 1, "distinct": 3, "min": 0.0, "max": 3.0, "mean": 1.0}),
    "nan is missing": ([float("nan"), 2.0], {"type": "number", "missing": 1, "distinct": 1, "min": 2.0, "max": 2.0, "mean": 2.0}),
    "no number at all": (pa.nulls(2), {"type": "number", "missing": 2, "distinct": 0, "min": None, "max": None, "mean": None}),
    "categories by frequency, then alphabet": (
        ["b", "a", None, "c", "c"], {"type": "category", "missing": 1, "distinct": 3, "top": ["c", "a", "b"]},
    ),
    "no category at all": (pa.nulls(2, pa.string()), {"type": "category", "missing": 2, "distinct": 0, "top": []}),
    "booleans": ([True, False, True, None], {"type": "boolean", "missing": 1, "distinct": 2, "mean": 2 / 3}),
    "dates": (
        pa.array([1767312000, None, 1735786800], pa.timestamp("s")),
        {"type": "date", "missing": 1, "distinct": 2, "min": "2025-01-02T03:00:00Z", "max": "2026-01-02T00:00:00Z"},
    ),
    "times of another zone are told in UTC": (
        pa.array([datetime(2026, 1, 2, tzinfo=UTC)], pa.timestamp("s", "Asia/Tokyo")),
        {"type": "date", "missing": 0, "distinct": 1, "min": "2026-01-02T00:00:00Z", "max": "2026-01-02T00:00:00Z"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "expected"), STATISTICS.values(), ids=STATISTICS.keys())
def test_a_column_is_described_by_what_it_holds(cells, expected):
    described = describe(pa.table({"x": cells}))
    assert described["columns"] == [{"name": "x", **expected}]
    assert described["rows"] == len(cells)


def test_the_most_frequent_of_many_categories_are_found_wherever_they_stand():
    values = [f"v{i}" for i in range(5000)] + ["z"] * 3 + ["y"] * 2
    table = pa.concat_tables([pa.table({"x": values[:2500]}), pa.table({"x": values[2500:]})])
    described = describe(table)
    assert described["columns"][0]["top"] == ["z", "y", "v0", "v1", "v10", "v100", "v101", "v102", "v103", "v104"]
    assert [warning["code"] for warning in described["warnings"]] == ["duplicate-rows", "high-cardinality"]


def test_rows_that_repeat_are_counted_from_their_second_time():
    rng = np.random.default_rng(0)
    once = {"a": rng.normal(size=300), "b": rng.integers(0, 3, 300).astype(str)}
    table = pa.table({name: np.concatenate([column, column[:40]]) for name, column in once.items()})
    assert describe(table)["warnings"][0]["detail"].startswith("40 rows occur more than once")
    assert describe(table.slice(0, 300))["warnings"] == []


def test_rows_whose_cells_are_exchanged_between_columns_are_different():
    assert describe(pa.table({"a": [1.0, 2.0], "b": [2.0, 1.0]}))["warnings"] == []


def test_a_missing_cell_equals_no_cell_that_is_there():
    present = {"n": [0.0], "d": pa.array([0], pa.timestamp("us")), "b": [False], "c": [""]}
    absent = {name: pa.nulls(1, pa.array(cells).type) for name, cells in present.items()}
    for name in present:
        other = {"x": ["a", "a"], name: pa.concat_arrays([pa.array(present[name]), absent[name]])}
        assert [warning["code"] for warning in describe(pa.table(other))["warnings"]] == ["constant-column"]


def test_a_table_of_a_job_gets_the_canonical_storage():
    made = pa.table(
        {"n": pa.array([1, None], pa.int32()), "d": pa.array(["x", "y"]).dictionary_encode(), "f": [0.5, float("nan")]}
    )
    stored = canonical_table(made)
    assert stored.to_pydict() == {"n": [1.0, None], "d": ["x", "y"], "f": [0.5, None]}
    assert [field.metadata[b"type"] for field in stored.schema] == [b"number", b"category", b"number"]


def test_long_sentences_are_text_and_repeated_ones_are_categories(upload):
    sentences = [f'"the pupil number {i} wrote a sentence of its own"' for i in range(40)]
    labels = ['"a long label that stands again and again"', '"another long label of the same kind"'] * 20
    content = "text,label\n" + "\n".join(f"{a},{b}" for a, b in zip(sentences, labels, strict=True))
    first, second = upload(content.encode())["columns"]
    assert first == {"name": "text", "type": "text", "missing": 0, "distinct": 40}
    assert (second["type"], second["distinct"]) == ("category", 2)


def test_declared_types_win_over_what_the_cells_look_like(upload):
    content = b"shop,zip,x\n1,00501,1\n2,10001,2\n"
    columns = upload(content, types={"shop": "category", "zip": "number"})["columns"]
    assert [column["type"] for column in columns] == ["category", "number", "number"]
    assert columns[0]["top"] == ["1", "2"]
    assert (columns[1]["min"], columns[1]["max"]) == (501.0, 10001.0)


def test_a_declared_type_for_a_column_that_is_not_there_is_refused(upload):
    assert upload.refused(b"a,b\n1,2\n", types={"c": "text"}).problems[0]["code"] == "unknown-column"


def test_the_cells_that_are_missing_can_be_named(upload):
    columns = upload(b"a,b\n-9,x\n1,NA\n", nulls=("-9",))["columns"]
    assert [column["missing"] for column in columns] == [1, 0]


@pytest.mark.parametrize(
    "options", [{"delimiter": ""}, {"delimiter": '"'}, {"delimiter": "\n"}, {"decimal": ","}, {"types": {"a": "image"}}]
)
def test_options_that_make_no_sense_are_refused(upload, options):
    assert upload.refused(b"a,b\n1,2\n", **options).problems[0]["code"] == "unknown-value"


def test_a_key_that_a_line_lacks_is_a_missing_cell(upload):
    columns = upload(b'{"a":1}\n\n{"b":"x","a":2}\n', NDJSON)["columns"]
    assert [(column["name"], column["missing"]) for column in columns] == [("a", 0), ("b", 1)]


def test_the_index_that_pandas_writes_is_no_column(upload):
    columns = upload(parquet({"a": [1.0], "__index_level_0__": [7]}), PARQUET)["columns"]
    assert [column["name"] for column in columns] == ["a"]


def test_equal_rows_of_one_file_are_warned_about(upload):
    warnings = upload(b"a,b\n1,x\n1,x\n2,y\n1,x\n")["warnings"]
    assert [(warning["code"], warning["detail"][:29]) for warning in warnings] == [
        ("duplicate-rows", "2 rows occur more than once (")
    ]
