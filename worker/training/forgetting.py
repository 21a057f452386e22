"""What a transfer costs its source: the source's tasks on their own test rows, before and after."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.errors import InputError, ModelUnhealthy
from learning.grafting import datasets_of, source_job
from learning.metrics import Metrics
from learning.model import TrainedModel
from learning.planning import TEST, Plan, plan
from learning.predictor import Predictor
from learning.tables import Table
from learning.tasks import Task
from worker.training.baselines.single_task import Stopped
from worker.training.evaluate import evaluate
from worker.training.prepare import prepare

#: A source of thousands of groups is told by its means; so many of its tasks stand beside them.
_MOST_TASKS = 50


def forgetting(
    source: TrainedModel,
    weights: Mapping[str, NDArray[np.float32]],
    tables: Mapping[str, Table],
    *,
    stop: Callable[[], bool],
) -> dict[str, Any] | None:
    """Return the source's metrics before and after; None where its job is not known, a dataset of it is gone, or one of
    the two does not answer with numbers.

    After: the trunk of ``weights`` below the source's own heads. The source itself is stored as it was; this tells what
    would become of its tasks if the new model took its place.

    Raises:
        Stopped: ``stop``, asked before each of the tables that it reads, returned true.
    """
    planned = _planned(source, tables)
    if planned is None:
        return None
    if stop():
        raise Stopped
    prepared = prepare(planned, tables)
    if not (prepared.examples.split == TEST).any():
        return None  # it was cross-validated: the model that was stored has trained on every row
    trunk = {name: tensor for name, tensor in weights.items() if name.startswith("trunk.")}
    tuned = TrainedModel(source.header, {**source.tensors, **trunk})
    try:
        before, after = (evaluate(Predictor(model), prepared, stop=stop).metrics for model in (source, tuned))
    except ModelUnhealthy:
        return None  # old heads over a trunk that went far: no answer of theirs is a number
    except InputError:
        return None  # a file of elsewhere, whose job is of its name and shape and reads less than it
    return told(planned.tasks, before, after)


def _planned(source: TrainedModel, tables: Mapping[str, Table]) -> Plan | None:
    job = source_job(source.header)
    if job is None or not datasets_of(job) <= tables.keys():
        return None
    planned = plan(job, tables)
    names = tuple(task.name for task in planned.tasks)
    # a file of elsewhere may say anything of where it comes from
    agrees = names == tuple(name for name, _ in source.header.tasks) and planned.layout == source.header.layout
    return planned if agrees and not planned.problems else None


def told(tasks: tuple[Task, ...], before: Any, after: Any) -> dict[str, Any]:
    """Return the mean of each metric over the tasks that have it, and the first tasks by themselves."""
    pairs = {
        task.name: (task.metric, first[task.metric], second[task.metric])
        for task, first, second in zip(tasks, before, after, strict=True)
        if _known(first, task.metric) and _known(second, task.metric)
    }
    metrics = sorted({metric for metric, _, _ in pairs.values()})
    return {
        "mean": {
            metric: {
                "tasks": sum(own == metric for own, _, _ in pairs.values()),
                "before": float(np.mean([b for own, b, _ in pairs.values() if own == metric])),
                "after": float(np.mean([a for own, _, a in pairs.values() if own == metric])),
            }
            for metric in metrics
        },
        "tasks": {
            name: {"metric": metric, "before": b, "after": a}
            for name, (metric, b, a) in list(pairs.items())[:_MOST_TASKS]
        },
    }


def _known(metrics: Metrics, name: str) -> bool:
    return metrics.get(name) is not None
