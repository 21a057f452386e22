"""Tasks, their rows and verdicts, as the result is made from them."""

import numpy as np

from learning.tasks import Loss, Task
from learning.verdict import Verdict
from worker.training.task_data import Part, TaskData


def a_task(name="quality", kind="regression", target="quality", metric="rmse"):
    classes = None if kind == "regression" else ("no", "yes")
    loss: Loss = "mse" if kind == "regression" else "log_loss"
    return Task(name, "ds_1", target, kind, loss, metric, 1.0, ("x",), classes, 0, 0, None, pooled=False)


def part(labels):
    return Part(np.arange(len(labels), dtype=np.int64), np.asarray(labels, np.float64))


def data_of(task, test, train=(0.0, 2.0)):
    return TaskData.of(task, 0, (part(train), part([1.0]), part(test)))


def a_verdict(verdict="helped", gain=0.03):
    return Verdict(gain=gain, interval=(0.004, 0.061), p=0.01, verdict=verdict, repeats=None)
