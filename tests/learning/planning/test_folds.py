"""k folds: every row tested once, copies together, and what a job must bring to be divided so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from learning.examples import build
from learning.planning import TEST, TRAIN, VALIDATION, plan
from learning.planning.folds import UNUSED, Folds
from learning.tables.hashing import mix
from tests.learning.canonical import job, written

ROWS = st.integers(0, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.uint64, n, elements=st.integers(0, 3)), hnp.arrays(np.uint64, n, elements=st.integers(0, 25))
    )
)
SEEDS = st.integers(0, 2**32 - 1)
COUNTS = st.integers(2, 12)


def dealt(cells, content, count=5, validation=0.15, seed=0):
    untaught = np.zeros((len(cells), 1), dtype=bool)
    return Folds.deal(cells, mix(content), untaught, count=count, validation=validation, seed=seed)


def contents(cells, content, chosen):
    return set(zip(cells[chosen].tolist(), content[chosen].tolist(), strict=True))


@given(ROWS, COUNTS, SEEDS)
def test_every_row_is_tested_in_one_fold_and_copies_in_the_same(rows, count, seed):
    cells, content = rows
    folds = dealt(cells, content, count, seed=seed)
    tested = np.stack([folds.sides(fold) == TEST for fold in range(count)])
    assert (tested.sum(axis=0) == 1).all()
    assert (tested.argmax(axis=0) == folds.fold()).all()
    for fold in range(count):
        sides = folds.sides(fold)
        by_side = [contents(cells, content, sides == side) for side in (TRAIN, VALIDATION, TEST)]
        assert sum(map(len, by_side)) == len(set.union(*by_side))


@given(ROWS, COUNTS, SEEDS)
def test_each_cell_and_all_rows_together_are_spread_evenly(rows, count, seed):
    cells, content = rows
    fold = dealt(cells, content, count, seed=seed).fold()
    sizes = [len(contents(cells, content, fold == f)) for f in range(count)]
    assert max(sizes) - min(sizes) <= 1
    for cell in np.unique(cells):
        own = [len(contents(cells, content, (fold == f) & (cells == cell))) for f in range(count)]
        assert max(own) - min(own) <= 1


@given(ROWS, COUNTS, SEEDS, st.randoms(use_true_random=False))
def test_neither_fold_nor_side_depends_on_the_order_of_the_rows(rows, count, seed, random):
    cells, content = rows
    order = list(range(len(cells)))
    random.shuffle(order)
    one, other = dealt(cells, content, count, seed=seed), dealt(cells[order], content[order], count, seed=seed)
    for fold in (None, *range(count)):
        assert other.sides(fold).tolist() == one.sides(fold)[order].tolist()


def test_validation_is_its_share_of_what_is_left_and_turns_with_the_folds():
    cells = np.repeat(np.arange(5, dtype=np.uint64), 100)
    folds = dealt(cells, np.arange(500, dtype=np.uint64), count=10, validation=0.2)
    validated = np.stack([folds.sides(fold) == VALIDATION for fold in range(10)])
    per_cell = validated.reshape(10, 5, 100).sum(axis=2)
    assert (per_cell == 18).all()
    # 18 of 90, ten times: no row is kept from training much more often than another
    assert (validated.sum(axis=0).min(), validated.sum(axis=0).max()) == (1, 3)
    whole = folds.sides(None)
    assert [(whole == side).sum() for side in (TRAIN, VALIDATION, TEST)] == [400, 100, 0]


@given(ROWS, COUNTS, SEEDS, st.floats(0.01, 0.99))
def test_a_cell_of_three_rows_outside_a_fold_is_trained_and_validated_on(rows, count, seed, validation):
    cells, content = rows
    folds = dealt(cells, content, count, validation, seed)
    for fold in (None, *range(count)):
        sides = folds.sides(fold)
        for cell in np.unique(cells):
            own = cells == cell
            if len(contents(cells, content, own & (sides != TEST))) >= 3:
                assert {TRAIN, VALIDATION} <= set(sides[own].tolist())


def test_other_seeds_deal_otherwise():
    cells, content = np.zeros(1000, dtype=np.uint64), np.arange(1000, dtype=np.uint64)
    one, other = (dealt(cells, content, count=10, seed=seed).fold() for seed in (1, 2))
    assert 60 < (one == other).sum() < 140


N = 60
X = [float(i) for i in range(N)]


def planned(tmp_path, columns, tasks, folds=10):
    table = written(tmp_path, {"x": ("number", X), **columns})
    found = plan(job(tasks, split={"folds": folds}), {"ds_1": table})
    return found, {"ds_1": table}


def listed(*targets):
    return [{"dataset": "ds_1", "target": target} for target in targets]


def test_listed_tasks_of_one_table_have_each_row_in_one_fold_for_all_targets(tmp_path):
    columns = {"y": ("number", X[::-1]), "z": ("number", [None, *X[1:]])}
    found, tables = planned(tmp_path, columns, listed("y", "z"))
    assert found.problems == ()
    examples = build(found, tables)
    tested = np.zeros((N, 2), dtype=int)
    for fold in range(10):
        one = examples.in_fold(fold)
        labelled = (one.task_of >= 0) & (one.split == TEST)[:, None]
        tested[one.row] += labelled
        assert (one.split == TEST).sum() == N / 10
    assert tested.tolist() == [[1, 0]] + [[1, 1]] * (N - 1)
    assert not (examples.in_fold(None).split == TEST).any()


def test_a_small_group_is_tested_in_every_fold_it_has_rows_in_and_teaches_in_none(tmp_path):
    shop = ["a"] * 28 + ["b"] * 28 + ["c"] * 4
    tasks = {
        "dataset": "ds_1",
        "group_by": ["shop"],
        "targets": [{"target": "y"}],
        "small_groups": {"min_rows": 20},
    }
    found, tables = planned(tmp_path, {"shop": ("category", shop), "y": ("number", X[::-1])}, tasks, folds=5)
    examples = build(found, tables)
    small = examples.row >= 56
    answered = []
    for fold in range(5):
        one = examples.in_fold(fold)
        here = small & (one.split == TEST)
        answered += one.row[here].tolist()
        assert (one.task_of[here] >= 0).all()
        assert (one.task_of[small & ~here] == -1).all()
        assert (one.split[small & ~here] == UNUSED).all()
        assert np.isnan(one.labels[small & ~here]).all()
        assert not np.isnan(one.labels[~small]).any()
    assert sorted(answered) == [56, 57, 58, 59]
    # four rows in four of five folds
    assert examples.folds is not None
    assert len(set(examples.folds.fold()[small].tolist())) == 4


@pytest.mark.parametrize(
    ("tasks", "columns", "folds", "problem"),
    [
        (listed("few"), {"few": ("number", X[:8] + [None] * (N - 8))}, 10, ("/split/folds", "too-few-rows")),
        (
            {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "few"}]},
            {"shop": ("category", ["a"] * N), "few": ("number", X[:30] + [None] * 30)},
            50,
            ("/split/folds", "too-few-rows"),
        ),
        (listed("few"), {"few": ("number", X[:3] + [None] * (N - 3))}, 3, ("/tasks/0/target", "no-labels")),
        (
            listed("copied"),
            {"x": ("number", [0.0, *X[:-1]]), "copied": ("boolean", [True] * 2 + [False] * (N - 2))},
            10,
            ("/tasks/0/target", "single-class-target"),
        ),
    ],
)  # fmt: skip
def test_too_few_rows_for_the_folds_are_one_problem_with_its_place(tmp_path, tasks, columns, folds, problem):
    found, _ = planned(tmp_path, columns, tasks, folds)
    assert [(each.pointer, each.code) for each in found.problems] == [problem]


def test_copies_of_a_row_count_once_against_the_folds(tmp_path):
    table = written(tmp_path, {"x": ("number", X[:6] * 10), "y": ("number", X[:6] * 10)})
    (problem,) = plan(job(listed("y"), split={"folds": 10}), {"ds_1": table}).problems
    assert (problem.pointer, problem.code) == ("/split/folds", "too-few-rows")
    assert "expected 10 labelled rows" in problem.detail
    assert "found 6" in problem.detail


def test_a_task_that_has_too_few_rows_of_a_table_with_enough_is_named(tmp_path):
    columns = {"y": ("number", X[::-1]), "few": ("number", X[:9] + [None] * (N - 9))}
    found, _ = planned(tmp_path, columns, listed("y", "few"))
    assert [(each.code, "'few'" in each.detail) for each in found.problems] == [("too-few-rows", True)]
