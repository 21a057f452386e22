"""The rows of a plan as arrays."""

from typing import Any

import numpy as np
import pytest

from learning.errors import SpecError
from learning.examples import build
from learning.planning import plan
from learning.planning.split import TEST, TRAIN, VALIDATION
from tests.learning.canonical import Columns, job, written

N = 80


def columns(**changed) -> Columns:
    rng = np.random.default_rng(0)
    return {
        "x": ("number", rng.normal(size=N).tolist()),
        "c": ("category", rng.choice(["u", "v", "w"], N).tolist()),
        "y": ("number", [None if i < 10 else float(i) for i in range(N)]),
        "k": ("category", [None if i < 4 else ("no", "yes")[i % 2] for i in range(N)]),
        **changed,
    }


@pytest.fixture
def built(tmp_path):
    def run(tasks, *tables, **fields):
        known = {f"ds_{i}": written(tmp_path, found, name=f"ds_{i}", row_group=16) for i, found in enumerate(tables, 1)}
        result = plan(job(tasks, **fields), known)
        assert result.problems == ()
        return result, build(result, known)

    return run


def task(target, dataset="ds_1", **fields):
    return {"dataset": dataset, "target": target, **fields}


def test_rows_with_any_label_are_there_once_with_nan_where_a_target_is_empty(built):
    table = columns()
    _, examples = built([task("y"), task("k")], table)
    assert examples.row.tolist() == list(range(4, N))
    assert np.isnan(examples.labels[:6, 0]).all()
    assert examples.labels[6:, 0].tolist() == table["y"][1][10:]
    assert examples.labels[:, 1].tolist() == [float(i % 2) for i in range(4, N)]
    assert examples.task_of[:7, 0].tolist() == [-1] * 6 + [0]
    assert (examples.source.dtype, examples.row.dtype, examples.group.dtype) == (np.int32, np.int64, np.int32)
    assert (examples.labels.dtype, examples.split.dtype, examples.task_of.dtype) == (np.float64, np.int8, np.int32)


def test_features_are_the_union_with_nulls_where_a_source_lacks_them(built):
    second: dict[str, Any] = {"x": ("number", [float(i) for i in range(30)]), "own": ("category", ["p", "q", "r"] * 10)}
    second["t"] = ("number", [float(i % 9) for i in range(30)])
    table = columns()
    _, examples = built([task("y"), task("t", "ds_2")], table, second)
    assert examples.features.column_names == ["x", "c", "k", "own"]
    assert len(examples.features) == len(examples.row) == 100
    first = examples.source == 0
    assert examples.features["own"].to_pylist() == [None] * 70 + second["own"][1]
    assert examples.features["c"].to_pylist() == table["c"][1][10:] + [None] * 30
    assert examples.row[~first].tolist() == list(range(30))
    assert examples.group.tolist() == examples.source.tolist()


def test_a_row_cut_by_two_sources_is_on_the_same_side_in_both(built):
    _, examples = built([task("k"), task("y", features=["x"]), task("y", where={"c": ["u", "v"]})], columns())
    side_of: dict[Any, Any] = {}
    for row, side in zip(examples.row.tolist(), examples.split.tolist(), strict=True):
        assert side_of.setdefault(row, side) == side
    assert set(side_of.values()) == {TRAIN, VALIDATION, TEST}


def test_exact_duplicates_are_on_one_side(built):
    half = {name: (kind, cells[: N // 2] * 2) for name, (kind, cells) in columns().items()}
    _, examples = built([task("y")], half)
    sides = dict(zip(examples.row.tolist(), examples.split.tolist(), strict=True))
    assert all(sides[row] == sides[row + N // 2] for row in sides if row < N // 2)


def test_the_side_of_a_row_goes_with_it_when_the_table_is_shuffled(built):
    table = columns()
    order = np.random.default_rng(1).permutation(N).tolist()
    shuffled = {name: (kind, [cells[row] for row in order]) for name, (kind, cells) in table.items()}
    _, straight = built([task("y")], table, seed=5)
    _, other = built([task("y")], shuffled, seed=5)
    sides = dict(zip(straight.row.tolist(), straight.split.tolist(), strict=True))
    assert {order[row]: side for row, side in zip(other.row.tolist(), other.split.tolist(), strict=True)} == sides


def test_a_group_split_keeps_a_patient_on_one_side_over_all_tables(built):
    patients = ("category", [f"p{i % 8}" for i in range(N)])
    table = columns(patient=patients)
    _, examples = built([task("y"), task("k", "ds_2")], table, table, split={"group": "patient"})
    side_of: dict[Any, Any] = {}
    for row, side, cluster in zip(examples.row, examples.split, examples.cluster, strict=True):
        assert side_of.setdefault(patients[1][row], (side, cluster)) == (side, cluster)
    assert len(set(side_of.values())) == 8
    assert {side for side, _ in side_of.values()} == {TRAIN, VALIDATION, TEST}
    assert "patient" not in examples.features.column_names


def test_a_split_column_is_followed(built):
    named = [("train", "train", "test", "validation")[i % 4] for i in range(N)]
    _, examples = built([task("y")], columns(side=("category", named)), split={"column": "side"})
    expected = [{"train": TRAIN, "validation": VALIDATION, "test": TEST}[named[row]] for row in examples.row]
    assert examples.split.tolist() == expected
    assert examples.cluster is None


def test_blocks_of_neighbours_are_on_one_side_and_are_the_clusters(built):
    _, examples = built([task("y"), task("k", "ds_2")], columns(), columns(), split={"blocks": 5})
    side_of: dict[Any, Any] = {}
    for source, row, side, cluster in zip(examples.source, examples.row, examples.split, examples.cluster, strict=True):
        assert side_of.setdefault((source, row // 5), (side, cluster)) == (side, cluster)
    assert len(side_of) == len(set(examples.cluster.tolist())) > 2 * 10
    for source in (0, 1):
        assert set(examples.split[examples.source == source].tolist()) == {TRAIN, VALIDATION, TEST}


def test_a_table_of_two_blocks_cannot_be_divided(tmp_path):
    tables = {"ds_1": written(tmp_path, columns())}
    problems = plan(job([task("y")], split={"blocks": N - 1}), tables).problems
    assert [(problem.pointer, problem.code) for problem in problems] == [("/split/blocks", "too-few-groups")]


def test_a_category_that_is_a_class_of_other_rows_only_is_no_label_here(built):
    result, examples = built([task("c", where={"c": ["u", "v"]}), task("k")], columns())
    assert result.tasks[0].classes == ("u", "v")
    mine = examples.source == 0
    assert set(examples.labels[mine, result.tasks[0].slot]) == {0.0, 1.0}


def test_a_plan_with_problems_is_not_built(tmp_path):
    tables = {"ds_1": written(tmp_path, columns())}
    with pytest.raises(SpecError, match="target-not-found"):
        build(plan(job([task("nope")]), tables), tables)
