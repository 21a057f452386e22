"""What a job says of one task: its rows, its rivals, the gains and the verdict."""

from collections.abc import Mapping, Sequence
from typing import Any

from learning.metrics import Metrics, gain
from learning.tasks import Task
from learning.verdict import Verdict, loss_floor
from worker.training.task_data import TaskData

_ONE_MODEL = ("one_model_linear", "one_model_trees")


def task_result(
    task: Task, data: TaskData, test: Metrics, rivals: Mapping[str, Metrics], verdict: Verdict | None
) -> dict[str, Any]:
    """Return one task's entry of the result, as API.md section 4 shows it.

    A gain is 1 − loss / loss of the rival; to a perfect rival there is none, unless we are perfect too (then 0): it is
    null, and ``best`` and ``one_model``, which are the worst of several, are null with it. That rival stands in
    ``baselines`` with its figure, and the summary counts it among the better ones.

    ``single_task`` is the verdict's own gain where there is a verdict: it counts half an error more than were made
    (METHODS.md D), so where errors are few it is nearer to 0 than the figures shown would make it, of the same sign,
    and a number even against a perfect rival.

    Args:
        test: The task's test metrics.
        rivals: The test metrics of each baseline that was trained for it.
        verdict: None when the test rows cannot tell, or when the task has no single-task baseline.
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


def _worst(gains: Sequence[float | None]) -> float | None:
    known = [gain for gain in gains if gain is not None]
    return min(known) if known and len(known) == len(gains) else None
