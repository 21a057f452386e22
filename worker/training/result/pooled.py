"""The metrics of all tasks of a type together: what the literature on many small tasks reports."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.metrics import Metrics, test_metrics
from learning.tasks import Task, TaskType
from worker.training.scale import Scale
from worker.training.task_data import TaskData

#: What a model answers for the test rows of each task, by the task's index: values, or probabilities.
Outputs = Mapping[int, NDArray[Any]]

_TYPES: tuple[TaskType, ...] = ("regression", "binary", "multiclass")


def pooled_metrics(
    tasks: Sequence[Task], data: Sequence[TaskData], ours: Outputs, rivals: Mapping[str, Outputs]
) -> dict[str, Any]:
    """Return per task type the metrics over all its test rows together, with the pooled models' beside them.

    The regressions of one target are pooled in its units; those of several targets each as standard scores of the
    target's training labels, as units do not add.
    """
    found: dict[str, Any] = {}
    for kind in _TYPES:
        members = [i for i, task in enumerate(tasks) if task.type == kind and len(data[i].test) and i in ours]
        if not members:
            continue
        figures: dict[str, Any] = dict(_pooled(kind, tasks, data, members, ours))
        beside = {
            name: _pooled(kind, tasks, data, members, outputs)
            for name, outputs in rivals.items()
            if all(i in outputs for i in members)
        }
        found[kind] = figures | ({"baselines": beside} if beside else {})
    return found


def _pooled(
    kind: TaskType, tasks: Sequence[Task], data: Sequence[TaskData], members: Sequence[int], outputs: Outputs
) -> Metrics:
    labels = [data[i].test.labels for i in members]
    answers = [np.asarray(outputs[i], np.float64) for i in members]
    if kind == "regression":
        units = _units(tasks, data, members)
        with np.errstate(over="ignore"):
            labels = [(y - unit.mean) / unit.deviation for y, unit in zip(labels, units, strict=True)]
            answers = [(y - unit.mean) / unit.deviation for y, unit in zip(answers, units, strict=True)]
        y, y_hat = np.concatenate(labels), np.concatenate(answers)
        if not (np.isfinite(y).all() and np.isfinite(y_hat).all()):
            # a test row so far out that its distance in deviations of the training rows is no number
            return {"rmse": None, "r2": None}
        metrics = test_metrics("regression", y, y_hat)
        # centred per target and not per task: "explained variance" as the literature pools it
        return {"rmse": metrics["rmse"], "r2": metrics["r2"]}
    # classes differ from task to task, so only what a row says by itself is pooled
    by_task = [test_metrics(kind, y, p) for y, p in zip(labels, answers, strict=True)]
    rows = np.array([len(y) for y in labels])
    return {
        name: float(np.average([metrics[name] for metrics in by_task], weights=rows))
        for name in ("accuracy", "log_loss")
    }


def _units(tasks: Sequence[Task], data: Sequence[TaskData], members: Sequence[int]) -> list[Scale]:
    """Return each member's zero and unit: 0 and 1 for a lone target, else its target's training mean and deviation."""
    targets = [tasks[i].target if tasks[i].key is not None else tasks[i].name for i in members]
    if len(set(targets)) == 1:
        return [Scale()] * len(members)
    labels: dict[str, list[NDArray[np.float64]]] = {}
    for i, target in zip(members, targets, strict=True):
        labels.setdefault(target, []).append(data[i].train.labels)
    known = {target: np.concatenate(parts) for target, parts in labels.items()}
    units = {target: Scale.of(labels) for target, labels in known.items()}
    return [units[target] for target in targets]
