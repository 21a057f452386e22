"""What a job says of itself: per task its rivals, gains and verdict; over the tasks counts, pooled figures, a sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learning.metrics import Metrics, gain
from learning.tasks import Task
from learning.verdict import Verdict
from worker.training.baselines.task_data import TaskData

VERDICTS = ("helped", "neutral", "hurt", "inconclusive")
_ONE_MODEL = ("one_model_linear", "one_model_trees")


def task_result(
    task: Task, data: TaskData, test: Metrics, rivals: Mapping[str, Metrics], verdict: Verdict | None
) -> dict[str, Any]:
    """Return one task's entry of the result, as API.md section 4 shows it.

    Args:
        test: The task's test metrics.
        rivals: The test metrics of each baseline that was trained for it.
        verdict: None when the test rows cannot tell, or when the task has no single-task baseline.
    """
    metric, ours = task.metric, test.get(task.metric)
    against = {name: gain(metric, ours, rival.get(metric)) for name, rival in rivals.items()}
    pooled = [value for name in _ONE_MODEL if (value := against.get(name)) is not None]
    every = [value for value in against.values() if value is not None]
    return {
        "name": task.name,
        "type": task.type,
        "rows": {"train": len(data.train), "validation": len(data.validation), "test": len(data.test)},
        "metric": metric,
        "test": test,
        "baselines": {name: {metric: rival.get(metric)} for name, rival in rivals.items()},
        "gains": {
            "single_task": against.get("single_task") if verdict is None else verdict.gain,
            "one_model": min(pooled, default=None),
            "best": min(every, default=None),
        },
        "interval": None if verdict is None else list(verdict.interval),
        "verdict": None if verdict is None else verdict.verdict,
        "repeats_to_decide": None if verdict is None else verdict.repeats,
    }


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
        best, gains = None, entry["gains"]["best"]
        if gains is None or gains >= 0:
            continue
        metric = entry["metric"]
        figures = {name: rival[metric] for name, rival in entry["baselines"].items() if rival[metric] is not None}
        best = (min if metric == "rmse" else max)(figures, key=lambda name: figures[name])
        beaten[best] += 1
        names.setdefault(best, entry["name"])
    parts = [
        f"{_RIVALS[name]} better on {names[name] if count == 1 else _tasks(count)}"
        for name, count in beaten.most_common()
    ]
    return f"{'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}." if parts else "No rival is better on any task."


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
