"""From a job's examples to one task's rows."""

import numpy as np
import pytest

from learning.tasks import Loss, Metric, Task
from worker.training.task_data import Part, TaskData, collect


def task(name="a", *, kind="regression", classes=None, group=0, slot=0, key=None, pooled=False):
    loss: Loss = "mse" if kind == "regression" else "log_loss"
    metric: Metric = "rmse" if kind == "regression" else "accuracy"
    return Task(name, "ds_1", name, kind, loss, metric, 1.0, ("x",), classes, group, slot, key, pooled)


def test_labels_are_dealt_to_their_tasks_and_sides():
    labels = np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 30.0], [4.0, 40.0]])
    task_of = np.array([[0, 1], [0, -1], [2, 1], [0, 1]])
    split = np.array([0, 1, 2, 0], np.int8)
    found = collect([task("a"), task("b"), task("c")], labels, task_of, split)
    rows = [[(part.rows.tolist(), part.labels.tolist()) for part in (t.train, t.validation, t.test)] for t in found]
    assert rows == [
        [([0, 3], [1, 4]), ([1], [2]), ([], [])],
        [([0, 3], [10, 40]), ([], []), ([2], [30])],
        [([], []), ([], []), ([2], [3])],
    ]


def test_thousands_of_tasks_are_dealt_at_once():
    rng = np.random.default_rng(0)
    task_of = rng.integers(0, 5000, (20_000, 1))
    split = rng.integers(0, 3, 20_000)
    labels = rng.normal(size=(20_000, 1))
    found = collect([task(str(i)) for i in range(5000)], labels, task_of, split)
    assert sum(len(t.train) + len(t.validation) + len(t.test) for t in found) == 20_000
    seventh = found[7]
    assert seventh.test.rows.tolist() == np.flatnonzero((task_of[:, 0] == 7) & (split == 2)).tolist()
    assert seventh.test.labels.tolist() == labels[seventh.test.rows, 0].tolist()


def of(described, index=3):
    nothing = Part(np.empty(0, np.int64), np.empty(0))
    return TaskData.of(described, index, (nothing, nothing, nothing))


def test_listed_tasks_are_pooled_by_type_with_the_task_as_category():
    found = of(task(slot=2, group=5))
    assert (found.pool, found.category) == (-1, 3)


def test_groups_are_pooled_by_target_with_the_group_as_category():
    found = of(task(slot=2, group=5, key={"shop": "17"}))
    assert (found.pool, found.category) == (2, 5)


@pytest.mark.parametrize(
    ("kind", "classes", "units", "counted"),
    [("regression", None, 1, 1), ("binary", ("n", "y"), 1, 2), ("multiclass", ("a", "b", "c"), 3, 3)],
)
def test_units_and_classes_follow_the_type(kind, classes, units, counted):
    found = of(task(kind=kind, classes=classes))
    assert (found.units, found.classes) == (units, counted)
