"""The content of a row as a number: what must be equal, what must differ."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.tables.hashing import column_hashes, fingerprint, mix, string_hashes
from tests.learning.canonical import Columns, written

TEXTS = st.lists(st.text(max_size=12), max_size=40)


def column(values, kind):
    return pa.chunked_array([pa.array(values, kind)])


@given(TEXTS)
def test_texts_have_equal_hashes_exactly_when_they_are_equal(texts):
    hashes = string_hashes(pa.array(texts, pa.string()))
    assert len(set(hashes.tolist())) == len(set(texts))


@given(TEXTS, st.integers(0, 10))
def test_a_text_has_one_hash_wherever_it_stands_in_its_array(texts, start):
    whole = pa.array(texts, pa.string())
    assert string_hashes(whole.slice(start)).tolist() == string_hashes(whole).tolist()[start:]


def test_texts_longer_than_a_block_of_work_are_hashed_too():
    long = "ab" * 3_000_000
    hashes = string_hashes(pa.array([long, "x", long + "c", long]))
    assert hashes[0] == hashes[3]
    assert len(set(hashes.tolist())) == 3


def test_missing_cells_nan_included_are_one_value_and_so_are_the_two_zeros():
    hashes = column_hashes(column([None, float("nan"), 0.0, -0.0, 1.0], pa.float64()))
    assert hashes[0] == hashes[1]
    assert hashes[2] == hashes[3]
    assert len(set(hashes.tolist())) == 3


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.bool_(), [True, False, None]),
        (pa.timestamp("us"), [0, 1, None]),
        (pa.string(), ["", "missing", None]),
        (pa.float64(), [0.0, 5e-324, 1e150, -1e150, None]),
    ],
)
def test_different_cells_have_different_hashes(kind, values):
    assert len(set(column_hashes(column(values, kind)).tolist())) == len(values)


@pytest.mark.parametrize("kind", ["number", "category", "boolean", "date"])
def test_a_table_without_rows_has_a_fingerprint(tmp_path, kind):
    assert len(fingerprint(written(tmp_path, {"a": (kind, [])}).path).rows) == 0


@settings(max_examples=25, deadline=None)
@given(st.permutations(["a", "b", "c"]), st.permutations(range(6)))
def test_the_order_of_rows_and_columns_is_not_content(tmp_path_factory, names, order):
    cells: Columns = {
        "a": ("number", [1.0, 2.0, None, 1.0, 5.0, 6.0]),
        "b": ("category", ["x", "y", "x", "x", None, "z"]),
        "c": ("boolean", [True, False, True, True, None, None]),
    }
    folder = tmp_path_factory.mktemp("hashes")
    straight = written(folder, cells).fingerprint.rows
    other = written(
        folder, {name: (cells[name][0], [cells[name][1][row] for row in order]) for name in names}, name="b"
    )
    assert other.fingerprint.rows.tolist() == straight[list(order)].tolist()
    assert straight[0] == straight[3]
    assert len(set(straight.tolist())) == 5


def test_columns_are_known_to_be_equal_across_row_groups_and_to_differ_by_one_cell(tmp_path):
    numbers = np.arange(1000.0)
    other = numbers.copy()
    other[999] = -1
    columns = {"a": numbers, "b": numbers, "c": other, "d": numbers[::-1]}
    found = written(
        tmp_path, {name: ("number", cells) for name, cells in columns.items()}, row_group=64
    ).fingerprint.columns
    assert found["a"] == found["b"]
    assert len(set(found.values())) == 3


def test_mixing_leaves_no_two_numbers_equal_and_half_of_the_bits_set():
    mixed = mix(np.arange(100_000, dtype=np.uint64))
    assert len(np.unique(mixed)) == 100_000
    bits = np.unpackbits(mixed.view(np.uint8)).mean()
    assert abs(bits - 0.5) < 0.002
