"""What a job says of itself: per task its rivals, gains and verdict; over the tasks counts, pooled figures, a sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learning.influence import loss_floor
from learning.metrics import Metrics, gain, primary_loss
from learning.tasks import Task
from learning.verdict import Verdict
from worker.training.baselines.task_data import TaskData

VERDICTS = ("helped", "neutral", "hurt", "inconclusive")
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


def job_result(
    entries: Sequence[Mapping[str, Any]], pooled: Mapping[str, Any], *, sampled: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the job's own result, without its tasks; ``sampled`` states the sample when not all got rivals."""
    counted = Counter(entry["verdict"] for entry in entries)
    against_alone = [entry["gains"]["single_task"] for entry in entries if entry["gains"]["single_task"] is not None]
    return {
        "pooled": pooled,
        "delta_m": float(np.mean(against_alone)) if against_alone else None,
        "counts": {verdict: counted[verdict] for verdict in VERDICTS} | {"none": counted[None]},
        "sample": sampled,
        "summary": summary(entries),
    }


def summary(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the result in a sentence or two, with the rivals that beat the shared model named."""
    judged = [entry for entry in entries if entry["verdict"] is not None]
    if not judged:
        return "No task could be judged: there are no single-task baselines, or too few test rows."
    counted = Counter(entry["verdict"] for entry in judged)
    hurt = f"hurt {counted['hurt']}" if counted["hurt"] else "hurt none"
    sentence = f"Sharing helped {counted['helped']} of {_tasks(len(judged))} and {hurt}"
    if counted["inconclusive"]:
        sentence += f"; {counted['inconclusive']} {'is' if counted['inconclusive'] == 1 else 'are'} inconclusive"
    return f"{sentence}. {_better_rivals(entries)}".strip()


def _better_rivals(entries: Sequence[Mapping[str, Any]]) -> str:
    beaten: Counter[str] = Counter()
    names: dict[str, str] = {}
    for entry in entries:
        if (best := _better_rival(entry)) is not None:
            beaten[best] += 1
            names.setdefault(best, entry["name"])
    parts = [
        f"{_RIVALS[name]} better on {names[name] if count == 1 else _tasks(count)}"
        for name, count in beaten.most_common()
    ]
    return f"{'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}." if parts else "No rival is better on any task."


def _better_rival(entry: Mapping[str, Any]) -> str | None:
    """Return the best rival of a task if it is better than the shared model; a perfect one has no gain to tell by."""
    metric, gain_to_best = entry["metric"], entry["gains"]["best"]
    losses = {
        name: primary_loss(metric, rival[metric])
        for name, rival in entry["baselines"].items()
        if rival[metric] is not None
    }
    if not losses or (gain_to_best is not None and gain_to_best >= 0):
        return None
    best = min(losses, key=lambda name: losses[name])
    return best if losses[best] < primary_loss(metric, entry["test"][metric]) else None


_RIVALS: Mapping[str, str] = {
    "trivial": "the trivial answer is",
    "linear": "a linear model is",
    "boosted_trees": "boosted trees are",
    "single_task": "training alone is",
    "one_model_linear": "one pooled linear model is",
    "one_model_trees": "one pooled model of boosted trees is",
}


def _tasks(count: int) -> str:
    return f"{count} task" if count == 1 else f"{count} tasks"
