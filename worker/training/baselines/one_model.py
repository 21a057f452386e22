"""One model for all tasks of a type, with the group or the task as a category: the rival that people forget."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from learning.encoding import Encoded
from worker.training.baselines.design import MOST_TREE_CATEGORIES, Fit, Form, Rows
from worker.training.baselines.trivial import trivial
from worker.training.scale import Scale
from worker.training.task_data import Part, TaskData

#: Rows of the whole pool's mean that a task's mean is drawn towards when its category is replaced by a number.
_PRIOR_ROWS = 10.0


def pools(tasks: Sequence[TaskData]) -> list[list[int]]:
    """Return the indices of the tasks that one model answers: equal type and classes, and for groups equal target."""
    found: dict[tuple[str, int, int], list[int]] = {}
    for index, task in enumerate(tasks):
        found.setdefault((task.type, task.classes, task.pool), []).append(index)
    return list(found.values())


def one_model(fit: Fit, encoded: Encoded, tasks: Sequence[TaskData], *, seed: int) -> list[NDArray[np.float64]]:
    """Return one model's answers on the test rows of each task of a pool, as `per_task` gives them.

    The labels of listed tasks are learned on each task's own scale, those of the groups of a target on their common one.
    """
    scales = _scales(tasks)
    train = _joined(encoded, tasks, [task.train for task in tasks], scales)
    if len(train) == 0 or (tasks[0].type != "regression" and len(np.unique(train.labels)) < 2):
        return [trivial(task) for task in tasks]
    sides = (
        train,
        _joined(encoded, tasks, [task.validation for task in tasks], scales),
        _joined(encoded, tasks, [task.test for task in tasks], scales),
    )
    if len(sides[2]) == 0:
        return [trivial(task) for task in tasks]
    output = fit(Form(tasks[0].classes), *sides, seed=seed)
    pieces = np.split(output, np.cumsum([len(task.test) for task in tasks])[:-1])
    if tasks[0].type == "regression":
        return [scale.back(piece) for scale, piece in zip(scales, pieces, strict=True)]
    return [piece[:, 1] if tasks[0].type == "binary" else piece for piece in pieces]


def ordered_categories(tasks: Sequence[TaskData]) -> Mapping[int, int]:
    """Return a number for each category of a pool: its rank by the mean training label, small tasks drawn to the mean.

    A split of ordered categories is then the best split of the categories (Fisher, JASA 1958, for squared error), which
    is how a tree may read more categories than it can hold.
    """
    scales = _scales(tasks)
    labels = [scale.forth(task.train.labels) for scale, task in zip(scales, tasks, strict=True)]
    whole = float(np.concatenate(labels).mean()) if any(len(own) for own in labels) else 0.0
    means = [(own.sum() + _PRIOR_ROWS * whole) / (len(own) + _PRIOR_ROWS) for own in labels]
    ranks = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return {task.category: int(rank) for task, rank in zip(tasks, ranks, strict=True)}


def _scales(tasks: Sequence[TaskData]) -> list[Scale]:
    if tasks[0].type != "regression" or tasks[0].pool < 0:
        return [task.scale for task in tasks]
    return [Scale.of(np.concatenate([task.train.labels for task in tasks]))] * len(tasks)


def _joined(encoded: Encoded, tasks: Sequence[TaskData], parts: Sequence[Part], scales: Sequence[Scale]) -> Rows:
    numbers = ordered_categories(tasks) if len(tasks) > MOST_TREE_CATEGORIES else None
    own = [task.category if numbers is None else numbers[task.category] for task in tasks]
    rows = np.concatenate([part.rows for part in parts])
    category = np.repeat(np.array(own, np.int64), [len(part) for part in parts])
    return Rows(
        encoded.numeric[rows],
        np.column_stack([encoded.category[rows], category]),
        np.concatenate([scale.forth(part.labels) for scale, part in zip(scales, parts, strict=True)]),
    )
