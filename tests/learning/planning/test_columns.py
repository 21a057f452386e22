"""Columns as arrays: numbers, and codes into sorted texts."""

import numpy as np
import pytest

from learning.planning.columns import Columns
from tests.learning.canonical import written


@pytest.fixture
def columns(tmp_path):
    cells = {
        "n": ("number", [17.0, None, -0.0, 0.0, float("nan"), 2.5]),
        "b": ("boolean", [True, False, None, True, True, False]),
        "c": ("category", ["z", "a", None, "a", "", "z"]),
        "d": ("date", [0, 86_400_000_000, None, 0, 1_000_000, 0]),
        "void": ("category", [None] * 6),
    }
    return Columns(written(tmp_path, cells, row_group=2))


@pytest.mark.parametrize(
    ("name", "values", "codes"),
    [
        ("n", ("0", "17", "2.5"), [1, -1, 0, 0, -1, 2]),
        ("b", ("false", "true"), [1, 0, -1, 1, 1, 0]),
        ("c", ("", "a", "z"), [2, 1, -1, 1, 0, 2]),
        ("d", ("1970-01-01", "1970-01-01T00:00:01", "1970-01-02"), [0, 2, -1, 0, 1, 0]),
        ("void", (), [-1] * 6),
    ],
)
def test_any_column_is_sorted_texts_and_codes_with_minus_one_for_missing(columns, name, values, codes):
    texts = columns.texts(name)
    assert (texts.values, texts.codes.tolist()) == (values, codes)


def test_numbers_and_booleans_are_floats_with_nan_for_missing(columns):
    assert np.array_equal(columns.numbers("n"), [17.0, np.nan, 0.0, 0.0, np.nan, 2.5], equal_nan=True)
    assert np.array_equal(columns.numbers("b"), [1, 0, np.nan, 1, 1, 0], equal_nan=True)


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"n": ("17", "0")}, [0, 2, 3]),
        ({"n": ("17", "0"), "b": ("true",)}, [0, 3]),
        ({"c": ("nobody",)}, []),
        ({"void": ("a",)}, []),
    ],
)
def test_where_keeps_the_rows_in_which_every_column_has_one_of_its_values(columns, where, rows):
    assert np.flatnonzero(columns.where(where)).tolist() == rows
