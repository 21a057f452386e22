"""The shared model against its rivals, task by task: metrics of each, and the verdict against training alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.metrics import Metrics, primary_loss, test_metrics
from learning.tasks import Task
from learning.verdict import Comparison, Verdict, compare, loss_floor, verdicts
from worker.training.baselines.rivals import Rivals
from worker.training.result.pooled import Outputs
from worker.training.task_data import TaskData


@dataclass(frozen=True, eq=False)
class Judgement:
    """Per task: the test metrics of each rival, and the verdict; sampled: what of a sample of tasks alone is known."""

    rivals: Sequence[Mapping[str, Metrics]]
    verdicts: Sequence[Verdict | None]
    sampled: Mapping[str, Any] | None

    @classmethod
    def none(cls, tasks: int) -> "Judgement":
        """The judgement of a job that asked for no baselines."""
        return cls([{} for _ in range(tasks)], [None] * tasks, None)


def judge(
    tasks: Sequence[Task],
    data: Sequence[TaskData],
    ours: Sequence[Outputs],
    rivals: Rivals,
    *,
    clusters: NDArray[np.int64] | None,
) -> Judgement:
    """Compare the answers on the test rows.

    Args:
        ours: What the stored model answers, by task, and then what each further repeat does.
        clusters: ``[n]``, the group or block of each row under such a split.
    """
    comparisons = [
        _comparison(task, data[i], [outputs[i] for outputs in ours], rivals.single_task[i], clusters)
        if all(i in outputs for outputs in ours) and i in rivals.single_task and not task.pooled
        else None
        for i, task in enumerate(tasks)
    ]
    return Judgement(
        [_metrics(i, task, data[i], rivals) for i, task in enumerate(tasks)],
        verdicts(comparisons),
        None if rivals.sample is None else asdict(rivals.sample),
    )


def _comparison(
    task: Task,
    data: TaskData,
    ours: Sequence[NDArray[Any]],
    alone: Sequence[NDArray[np.float64]],
    clusters: NDArray[np.int64] | None,
) -> Comparison | None:
    own = None if clusters is None else clusters[data.test.rows]
    return compare(task.metric, data.test.labels, ours, alone, clusters=own)


def _metrics(index: int, task: Task, data: TaskData, rivals: Rivals) -> dict[str, Metrics]:
    found = {
        name: test_metrics(task.type, data.test.labels, outputs[index])
        for name, outputs in rivals.outputs.items()
        if index in outputs
    }
    if index in rivals.single_task:
        labels = data.test.labels
        seeds = [test_metrics(task.type, labels, output)[task.metric] for output in rivals.single_task[index]]
        found["single_task"] = {task.metric: typical(task.metric, seeds, floor=loss_floor(task.metric, labels))}
    return {name: found[name] for name in ORDER if name in found}


def typical(metric: str, values: Sequence[float | None], *, floor: float) -> float | None:
    """Return one figure for several seeds: the geometric mean of the loss, as the verdict's gain takes it.

    The verdict counts half an error more than were made, or lifts a loss to its floor, before it takes the logarithm.
    The same is done here and undone in the mean, so that this figure is better than ours exactly where the gain is
    negative, also when one seed made no error and another did.

    Args:
        floor: `learning.verdict.loss_floor` of the test rows.
    """
    losses = np.array([primary_loss(metric, value) for value in values if value is not None])
    if not len(losses):
        return None
    if (losses <= floor).all():
        mean = float(losses.mean())
    elif metric == "accuracy":
        mean = float(np.exp(np.log(losses + floor).mean())) - floor
    else:
        mean = float(np.exp(np.log(np.maximum(losses, floor)).mean()))
    return primary_loss(metric, mean)  # 1 − (1 − v) gives v back, and an rmse is its own loss


ORDER = ("trivial", "linear", "boosted_trees", "single_task", "one_model_linear", "one_model_trees")
