"""One task as the baselines see it: which encoded rows are its own, on which side of the split, with which labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from learning.planning import TEST, TRAIN, VALIDATION
from learning.tasks import Loss, Task, TaskType
from worker.training.scale import Scale


@dataclass(frozen=True, eq=False)
class Part:
    """The labelled rows of a task on one side of the split.

    rows ``[m]`` int64 index the job's encoded features, ascending; labels ``[m]`` float64 are raw units for a
    regression and class indices otherwise.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class TaskData:
    """One task of a job.

    units: outputs of its head, 1 for a regression or a binary task, else the number of classes.
    pool: tasks of one pool (and type) share the pooled models; category: its category there, the group or the task.
    small: its group is small, so it is not trained alone.
    """

    name: str
    type: TaskType
    loss: Loss
    units: int
    train: Part
    validation: Part
    test: Part
    pool: int
    category: int
    small: bool = False

    @property
    def classes(self) -> int:
        """How many classes the labels count; 1 for a regression."""
        return {"regression": 1, "binary": 2}.get(self.type, self.units)

    @property
    def scale(self) -> Scale:
        """The scale of the task's labels by itself."""
        return Scale.of(self.train.labels) if self.type == "regression" else Scale()

    @classmethod
    def of(cls, task: Task, index: int, parts: tuple[Part, Part, Part]) -> Self:
        """Return the task at position ``index`` of the plan with its train, validation and test rows.

        The groups of one target (``task.key`` set) are pooled by target with the group as the category; listed tasks
        are pooled by type with the task as the category.
        """
        grouped = task.key is not None
        return cls(
            name=task.name,
            type=task.type,
            loss=task.loss,
            units=len(task.classes or ()) if task.type == "multiclass" else 1,
            train=parts[TRAIN],
            validation=parts[VALIDATION],
            test=parts[TEST],
            pool=task.slot if grouped else -1,
            category=task.group if grouped else index,
            small=task.pooled,
        )


def collect(
    tasks: Sequence[Task],
    labels: NDArray[np.floating],
    task_of: NDArray[np.integer],
    split: NDArray[np.integer],
) -> tuple[TaskData, ...]:
    """Return the data of every task from a job's examples, in one sort per label column.

    Args:
        tasks: The plan's tasks, in the plan's order.
        labels: ``[n, j]``, NaN where unlabelled.
        task_of: ``[n, j]``, the index in ``tasks`` that a label belongs to, −1 for none.
        split: ``[n]``, 0 train, 1 validation, 2 test.
    """
    parts = {(index, side): _EMPTY for index in range(len(tasks)) for side in (TRAIN, VALIDATION, TEST)}
    for column in range(labels.shape[1]):
        rows = np.flatnonzero((task_of[:, column] >= 0) & ~np.isnan(labels[:, column]))
        if len(rows) == 0:
            continue
        keys = task_of[rows, column].astype(np.int64) * 3 + split[rows]
        order = np.argsort(keys, kind="stable")
        starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
        for start, members in zip(starts, np.split(rows[order], starts[1:]), strict=True):
            index, side = divmod(int(keys[order[start]]), 3)
            parts[index, side] = _joined(parts[index, side], members, labels[members, column])
    return tuple(
        TaskData.of(task, index, (parts[index, TRAIN], parts[index, VALIDATION], parts[index, TEST]))
        for index, task in enumerate(tasks)
    )


def _joined(part: Part, rows: NDArray[np.int64], labels: NDArray[np.floating]) -> Part:
    # several columns of one task happen when pooled small groups of one target come from different tables
    return Part(np.concatenate([part.rows, rows]), np.concatenate([part.labels, labels.astype(np.float64)]))


_EMPTY = Part(np.empty(0, np.int64), np.empty(0, np.float64))
