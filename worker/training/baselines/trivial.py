"""The answer that looks at no feature: the training rows' mean, or how often each class occurs in them."""

import numpy as np
from numpy.typing import NDArray

from worker.training.task_data import TaskData


def trivial(task: TaskData) -> NDArray[np.float64]:
    """Return the constant answer for each of the task's m test rows.

    ``[m]`` in raw units or as the probability of class 1, or ``[m, classes]`` probabilities.
    """
    labels, rows = task.train.labels, len(task.test)
    if task.type == "regression":
        return np.full(rows, labels.mean() if len(labels) else 0.0)
    counts = np.bincount(labels.astype(np.int64), minlength=task.classes)
    shares = counts / counts.sum() if len(labels) else np.full(task.classes, 1 / task.classes)
    return np.full(rows, shares[1]) if task.type == "binary" else np.tile(shares, (rows, 1))
