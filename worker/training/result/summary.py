"""What a job says of all its tasks: counts, pooled figures, a sentence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from learning.metrics import primary_loss

VERDICTS = ("helped", "neutral", "hurt", "inconclusive")


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
        sentence = "No task could be judged: there are no single-task baselines, or too few test rows."
        return f"{sentence} {better_rivals(entries)}" if any(entry["baselines"] for entry in entries) else sentence
    counted = Counter(entry["verdict"] for entry in judged)
    hurt = f"hurt {counted['hurt']}" if counted["hurt"] else "hurt none"
    sentence = f"Sharing helped {counted['helped']} of {_tasks(len(judged))} and {hurt}"
    if counted["inconclusive"]:
        sentence += f"; {counted['inconclusive']} {'is' if counted['inconclusive'] == 1 else 'are'} inconclusive"
    return f"{sentence}. {better_rivals(entries)}".strip()


def better_rivals(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return which rivals beat the model on how many tasks, as a sentence."""
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
    "from_scratch": "training from scratch is",
    "one_model_linear": "one pooled linear model is",
    "one_model_trees": "one pooled model of boosted trees is",
}


def _tasks(count: int) -> str:
    return f"{count} task" if count == 1 else f"{count} tasks"
