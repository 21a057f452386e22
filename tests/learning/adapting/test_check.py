"""The check of an adaptation on its own support."""

import numpy as np
import pytest

from learning.adapting.check import judged
from learning.adapting.folds import FEW_FOLDS, MOST_FOLDS, MOST_TASKS, folds
from learning.adapting.heads import check_of, heads
from learning.adapting.labels import Labelled
from learning.header import Output


def losses(*values):
    return np.array(values, float)


def test_scores_are_accuracies_of_classes_and_rmse_of_numbers():
    found = judged(losses(0, 0, 0, 0, 1), losses(1, 1, 1, 1, 1), classes=True, query=losses(0, 1))
    assert found.to_json() == {
        "metric": "accuracy",
        "support_leave_one_out": 0.8,
        "before": 0.0,
        "worth_it": True,
        "query": 0.5,
    }
    assert judged(losses(9, 9), losses(16, 16), classes=False).support_leave_one_out == 3.0


@pytest.mark.parametrize(
    ("left_out", "before", "worth_it"),
    [
        (losses(0, 0, 0, 0), losses(1, 1, 1, 1), True),
        (losses(1, 0, 0, 1), losses(0, 1, 1, 0), False),  # no better
        (losses(1, 0, 0, 0), losses(0, 1, 1, 0), False),  # better, by less than one standard error
        (losses(0, 0, 0, 0, 0), losses(1, 1, 0, 0, 0), False),  # by two, of which luck is not ruled out
        (losses(0, 0, 0, 0, 0), losses(1, 1, 1, 1, 0), True),
        (losses(1, 1), losses(1 + 1e-7, 1 + 1e-7), False),  # rounding
        (losses(0, 0, 0, 0), losses(0, 0, 0, 0), False),
        (losses(0, np.nan, np.nan, np.nan), losses(1, 1, 1, 1), None),  # one row says nothing of its own spread
        (losses(np.nan, np.nan), losses(1, 1), None),
        (None, losses(1, 1), None),
        (losses(0, 1), None, None),
    ],
)
def test_it_is_worth_it_when_better_beyond_luck(left_out, before, worth_it):
    assert judged(left_out, before, classes=True).worth_it is worth_it


def test_what_could_not_be_judged_is_null():
    told = judged(None, None, classes=False)
    assert (told.support_leave_one_out, told.before, told.query) == (None, None, None)
    assert "query" not in told.to_json()


@pytest.mark.parametrize(
    ("rows", "tasks", "most"), [(20, 1, 20), (100, 1, MOST_FOLDS), (20, MOST_TASKS + 1, FEW_FOLDS)]
)
def test_every_row_is_left_out_once(rows, tasks, most):
    cut = list(folds(np.arange(rows, dtype=float), classes=False, keep_classes=False, tasks=tasks))
    assert len(cut) == most
    assert sorted(row for _, out in cut for row in out) == list(range(rows))
    assert all(sorted([*within, *out]) == list(range(rows)) for within, out in cut)


def test_no_fold_takes_the_last_row_of_a_class():
    labels = np.array([0, 0, 1, 1, 1, 2], float)
    cut = list(folds(labels, classes=True, keep_classes=True, tasks=1))
    assert sorted(row for _, out in cut for row in out) == [0, 1, 2, 3, 4]  # the one row of class 2 always teaches
    assert all(set(labels[within]) == {0, 1, 2} for within, _ in cut)


def test_a_single_row_cannot_be_left_out():
    assert list(folds(np.array([1.0]), classes=False, keep_classes=False, tasks=1)) == []


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("rows", [5, 20])
def test_supports_without_anything_to_learn_are_hardly_ever_worth_it(known, rows):
    draw = np.random.default_rng(7)
    z = [draw.normal(size=(rows, 16)).astype(np.float32) for _ in range(300)]
    prior = (draw.normal(size=(1, 16)).astype(np.float32), np.zeros(1, np.float32))
    output = Output(name="y", target="y", type="regression", slot=0, group=0)
    asked = [(own @ prior[0][0] if known else 0) + draw.normal(size=rows) for own in z]
    found = heads([Labelled(output, y, known, ()) for y in asked], z, prior if known else None)
    assert sum(bool(check_of(head, query=None).worth_it) for head in found) < 0.06 * len(found)
