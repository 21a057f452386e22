"""Encoding: fitted on training rows, stored as JSON, and the same from a table as from JSON rows."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from learning.encoding.absent import absent_cells
from learning.encoding.columns import CLIP, MAX_VALUES
from learning.encoding.encoding import Encoding, fit
from learning.predictor.inputs import Found, Reader
from tests.learning.toys import TYPES, encoding_of, json_columns, table

MONDAY = datetime.fromisoformat("2024-01-01")


def column(values, kind):
    return pa.table({"x": pa.array(values, kind)})


def fitted(values, kind, type_, *, train=None):
    mask = np.ones(len(values), bool) if train is None else np.array(train)
    return fit(column(values, kind), {"x": type_}, train=mask)


def test_a_number_is_standardised_by_its_training_rows():
    encoding = fitted([1.0, 3.0, 100.0], pa.float64(), "number", train=[True, True, False])
    found = encoding.encode(column([1.0, 3.0, 2.0, 4.0], pa.float64()))
    assert found.numeric.tolist() == [[-1.0], [1.0], [0.0], [2.0]]
    assert found.numeric.dtype == np.float32


def test_a_missing_number_is_the_mean_and_says_so_when_training_had_missing_ones():
    with_missing = fitted([1.0, None, 3.0], pa.float64(), "number")
    without = fitted([1.0, 3.0], pa.float64(), "number")
    rows = column([None, 3.0], pa.float64())
    assert with_missing.encode(rows).numeric.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert without.encode(rows).numeric.tolist() == [[0.0], [1.0]]


def test_a_not_a_number_of_a_table_is_a_missing_one():
    encoding = fitted([1.0, float("nan"), 3.0], pa.float64(), "number")
    assert encoding.encode(column([float("nan")], pa.float64())).numeric.tolist() == [[0.0, 1.0]]


def test_a_boolean_is_zero_and_one_and_its_share_where_missing():
    encoding = fitted([True, True, True, False, None], pa.bool_(), "boolean")
    found = encoding.encode(column([True, False, None], pa.bool_()))
    assert found.numeric.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.75, 1.0]]


def test_a_date_is_its_day_and_its_place_in_the_year_and_the_week():
    days = [MONDAY, MONDAY + timedelta(days=7), None]
    found = fitted(days, pa.timestamp("us"), "date").encode(column(days, pa.timestamp("us"))).numeric
    assert found.shape == (3, 6)
    assert found[:2, 0].tolist() == [-1.0, 1.0]
    np.testing.assert_allclose(found[0, 3:5], found[1, 3:5], atol=1e-5)  # a week later
    np.testing.assert_allclose((found[:2, 1:5] ** 2).reshape(2, 2, 2).sum(2), 1.0, atol=1e-6)
    assert found[2].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]


def test_categories_are_indexed_by_frequency_with_places_for_unseen_and_missing():
    encoding = fitted(["b", "a", "b", None], pa.string(), "category")
    assert encoding.cardinalities == (4,)
    assert encoding.encode(column(["b", "a", None, "z"], pa.string())).category.tolist() == [[2], [3], [1], [0]]


def test_a_category_that_was_never_missing_counts_an_empty_cell_as_unseen():
    encoding = fitted(["b", "a", "b"], pa.string(), "category")
    assert encoding.encode(column([None], pa.string())).category.tolist() == [[0]]


def test_only_the_most_frequent_categories_have_a_place_of_their_own():
    values = [f"v{index:04}" for index in range(MAX_VALUES + 5)] + ["v1003", "v1004"]
    encoding = fitted(values, pa.string(), "category")
    assert encoding.columns[0].values[:3] == ("v1003", "v1004", "v0000")
    assert encoding.cardinalities == (MAX_VALUES + 2,)


@pytest.mark.parametrize(
    ("values", "kind", "type_", "code"),
    [
        ([2.0, 2.0], pa.float64(), "number", "constant-feature"),
        ([None, None], pa.float64(), "number", "empty-feature"),
        ([True, True], pa.bool_(), "boolean", "constant-feature"),
        ([None], pa.bool_(), "boolean", "empty-feature"),
        ([MONDAY] * 2, pa.timestamp("us"), "date", "constant-feature"),
        ([None], pa.timestamp("us"), "date", "empty-feature"),
        (["a", "a"], pa.string(), "category", "constant-feature"),
        ([None], pa.string(), "category", "empty-feature"),
        (["some words", "others"], pa.string(), "text", "text-feature"),
    ],
)
def test_a_column_that_says_nothing_is_dropped_and_recorded(values, kind, type_, code):
    encoding = fitted(values, kind, type_)
    assert encoding.columns == ()
    assert [(notice.code, "'x'" in notice.detail) for notice in encoding.notices] == [(code, True)]
    # and a trunk still has an input
    assert encoding.encode(column(values, kind)).numeric.tolist() == [[0.0]] * len(values)


def test_of_a_constant_with_gaps_only_the_gaps_are_read():
    encoding = fitted([7.0, None, 7.0], pa.float64(), "number")
    assert encoding.encode(column([9.0, None], pa.float64())).numeric.tolist() == [[0.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("values", [[0.0, 1e150, -1e150], [1e-300, 2e-300], [5e-324, 0.0], [1e150, 1e150 + 1e135]])
def test_extreme_numbers_stay_finite(values):
    encoding = fitted(values, pa.float64(), "number")
    found = encoding.encode(column([*values, 1e150, -1e150, 0.0], pa.float64())).numeric
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= CLIP


def test_cells_that_a_source_lacks_are_zero_and_teach_nothing():
    rows = pa.table({"common": [1.0, 3.0, 1.0, 3.0], "own": [None, None, 10.0, 20.0], "name": [None, None, "a", "b"]})
    types = {"common": "number", "own": "number", "name": "category"}
    absent = absent_cells(np.array([0, 0, 1, 1]), [["common"], ["common", "own", "name"]])
    assert {name: np.asarray(mask).tolist() for name, mask in absent.items()} == {
        "own": [True, True, False, False],
        "name": [True, True, False, False],
    }
    encoding = fit(rows, types, train=np.ones(4, bool), absent=absent)
    found = encoding.encode(rows, absent=absent)
    # no indicator: where the column exists it was never missing
    assert found.numeric.tolist() == [[-1, 0], [1, 0], [-1, -1], [1, 1]]
    assert found.category.tolist() == [[0], [0], [2], [3]]
    # a table of the first source alone
    alone = encoding.encode(rows.select(["common"]).slice(0, 2))
    assert alone.numeric.tolist() == found.numeric[:2].tolist()


def test_the_validation_and_test_rows_teach_nothing():
    rows, train = table(), np.arange(40) < 20
    first = fit(rows, TYPES, train=train)
    changed = pa.concat_tables([rows.slice(0, 20), table(60).slice(20, 20)])
    assert fit(changed, TYPES, train=train) == first


def test_it_survives_json_exactly():
    encoding = encoding_of(table())
    again = Encoding.model_validate_json(encoding.model_dump_json())
    assert again == encoding
    assert np.array_equal(again.encode(table()).numeric, encoding.encode(table()).numeric)


@pytest.mark.parametrize("change", [{"scale": -1.0}, {"mean": float("inf")}, {"type": "image"}, {"more": 1}])
def test_it_is_not_read_from_json_that_it_does_not_make(change):
    with pytest.raises(ValidationError):
        Encoding.model_validate({"columns": [{"name": "x", "type": "number", **change}]})


def test_large_tables_are_encoded_in_chunks_that_cannot_be_told(monkeypatch):
    rows = table(50)
    whole = encoding_of(rows).encode(rows)
    monkeypatch.setattr("learning.encoding.encoding.CHUNK_ROWS", 7)
    parts = encoding_of(rows).encode(rows)
    assert np.array_equal(parts.numeric, whole.numeric)
    assert np.array_equal(parts.category, whole.category)


CELLS = st.fixed_dictionaries(
    {
        "age": st.none() | st.floats(-1e150, 1e150) | st.integers(-(2**53), 2**53).map(float),
        "member": st.none() | st.booleans(),
        "joined": st.none() | st.datetimes(),
        "region": st.none() | st.sampled_from(["north", "south", "west", "", "Ünïcode"]),
        "only_b": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=8))
def test_serving_encodes_a_row_as_training_encodes_its_table(rows):
    encoding = encoding_of(table())
    asked = pa.table({name: pa.array([row[name] for row in rows], table().schema.field(name).type) for name in TYPES})
    served = Reader(encoding, frozenset(TYPES)).read(
        json_columns(asked), len(rows), Found([], []), strict=False, style="rows"
    )
    trained = encoding.encode(asked)
    assert np.array_equal(encoding.encode_cells(served).numeric, trained.numeric)
    assert np.array_equal(encoding.encode_cells(served).category, trained.category)
