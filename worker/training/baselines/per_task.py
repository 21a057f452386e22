"""A scikit-learn rival for one task alone."""

import numpy as np
from numpy.typing import NDArray

from learning.encoding import Encoded
from worker.training.baselines.design import Fit, Form, Rows
from worker.training.baselines.trivial import trivial
from worker.training.task_data import TaskData


def per_task(fit: Fit, encoded: Encoded, task: TaskData, *, seed: int) -> NDArray[np.float64]:
    """Return the rival's answer on the task's m test rows.

    ``[m]`` in raw units or as the probability of class 1, or ``[m, classes]`` probabilities. Where the training rows
    leave nothing to learn (none, or one class) it is the trivial one.
    """
    nothing = len(task.train) == 0 or (task.type != "regression" and len(np.unique(task.train.labels)) < 2)
    if nothing or len(task.test) == 0:
        return trivial(task)
    scale = task.scale
    sides = [Rows.of(encoded, part.rows, scale.forth(part.labels)) for part in (task.train, task.validation, task.test)]
    output = fit(Form(task.classes), *sides, seed=seed)
    return output[:, 1] if task.type == "binary" else scale.back(output)
