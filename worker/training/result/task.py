"""What a job says of one task: its rows, its rivals, the gains and the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.metrics import Metrics, gain, test_metrics
from learning.tasks import Task
from learning.verdict import Verdict, loss_floor
from worker.training.task_data import TaskData

_ONE_MODEL = ("one_model_linear", "one_model_trees")


def task_result(
    task: Task,
    data: TaskData,
    test: Metrics,
    rivals: Mapping[str, Metrics],
    verdict: Verdict | None,
    *,
    repeats: Sequence[NDArray[np.float64]] = (),
) -> dict[str, Any]:
    """Return one task's entry of the result, as API.md section 4 shows it.

    A gain is 1 − loss / loss of the rival; to a perfect rival there is none, unless we are perfect too (then 0): it is
    null, and ``best`` and ``one_model``, which are the worst of several, are null with it. That rival stands in
    ``baselines`` with its figure, and the summary counts it among the better ones.

    ``single_task`` is the verdict's own gain where there is a verdict: it counts half an error more than were made
    (METHODS.md D), so where errors are few it is nearer to 0 than the figures shown would make it, of the same sign,
    and a number even against a perfect rival.

    With repeats ``test`` is the stored model's, ``spread`` tells the metric over all of them, and the verdict is theirs.

    Args:
        test: The task's test metrics.
        rivals: The test metrics of each baseline that was trained for it.
        verdict: None when the test rows cannot tell, or when the task has no single-task baseline.
        repeats: What each further repeat answers on the task's test rows.
    """
    metric, ours = task.metric, test.get(task.metric)
    floor = loss_floor(metric, data.test.labels)
    against = {name: gain(metric, ours, rival.get(metric), floor=floor) for name, rival in rivals.items()}
    if verdict is not None:
        against["single_task"] = verdict.gain
    return {
        "name": task.name,
        "type": task.type,
        "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "metric": metric,
        "test": test,
        "spread": _spread(task, data, ours, repeats),
        "baselines": {name: {metric: rival.get(metric)} for name, rival in rivals.items()},
        "gains": {
            "single_task": against.get("single_task"),
            "one_model": _worst([against[name] for name in _ONE_MODEL if name in against]),
            "best": _worst(list(against.values())),
        },
        "interval": None if verdict is None else list(verdict.interval),
        "verdict": None if verdict is None else verdict.verdict,
        "repeats_to_decide": None if verdict is None else verdict.repeats,
    }


def _spread(
    task: Task, data: TaskData, ours: float | None, repeats: Sequence[NDArray[np.float64]]
) -> dict[str, Any] | None:
    """Return the task's metric over the repeats, the stored model's first; None without any, or where it has none."""
    found = [ours, *(test_metrics(task.type, data.test.labels, output).get(task.metric) for output in repeats)]
    values = [value for value in found if value is not None]
    if len(values) < 2 or len(values) < len(found):
        return None
    # in units of the largest, as the squares of a large rmse would leave the numbers
    largest = max(abs(value) for value in values) or 1.0
    deviation = float(np.std(np.array(values) / largest, ddof=1)) * largest
    return {"mean": float(np.mean(np.array(values) / largest)) * largest, "deviation": deviation, "values": values}


def _worst(gains: Sequence[float | None]) -> float | None:
    known = [gain for gain in gains if gain is not None]
    return min(known) if known and len(known) == len(gains) else None
