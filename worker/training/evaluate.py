"""The stored model on its test rows, through the very object that will serve it (DESIGN D15)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from learning.metrics import Metrics, test_metrics
from learning.planning import TEST
from learning.predictor import Predictor
from worker.training.baselines.single_task import Stopped
from worker.training.prepare import Prepared


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the model answers on the test rows: ``outputs`` by task index, ``metrics`` for every task."""

    outputs: Mapping[int, NDArray[np.float64]]
    metrics: Sequence[Metrics]


def evaluate(predictor: Predictor, prepared: Prepared, *, stop: Callable[[], bool] = lambda: False) -> Evaluation:
    """Answer every task's test rows and measure the answers; a task without test rows has no metrics.

    Raises:
        Stopped: ``stop``, asked before each table's rows, returned true.
    """
    if prepared.plan.spec.grouped is None:
        return measured(prepared, _listed_outputs(predictor, prepared, stop))
    if stop():
        raise Stopped
    return measured(prepared, _grouped_outputs(predictor, prepared))


def measured(prepared: Prepared, outputs: Mapping[int, NDArray[np.float64]]) -> Evaluation:
    """Measure answers ``outputs`` to the test rows of each task, by its index."""
    metrics = [
        test_metrics(task.type, prepared.tasks[index].test.labels, outputs[index]) if index in outputs else {}
        for index, task in enumerate(prepared.plan.tasks)
    ]
    return Evaluation(outputs, metrics)


def _grouped_outputs(predictor: Predictor, prepared: Prepared) -> dict[int, NDArray[np.float64]]:
    """One pass over all test rows, each answered by the head of its group."""
    examples = prepared.examples
    rows = np.flatnonzero(examples.split == TEST)
    answers = predictor.predict_table(_taken(examples.features, rows), group=examples.group[rows]).by_task
    place = np.full(len(examples.split), -1, np.int64)
    place[rows] = np.arange(len(rows))
    return {
        index: answers[task.target].output[place[prepared.tasks[index].test.rows]]
        for index, task in enumerate(prepared.plan.tasks)
        if len(prepared.tasks[index].test)
    }


def _listed_outputs(
    predictor: Predictor, prepared: Prepared, stop: Callable[[], bool]
) -> dict[int, NDArray[np.float64]]:
    """One pass per source, as each has features of its own."""
    examples, tasks = prepared.examples, prepared.plan.tasks
    outputs: dict[int, NDArray[np.float64]] = {}
    for group in range(prepared.plan.layout.groups):
        if stop():
            raise Stopped
        rows = np.flatnonzero((examples.split == TEST) & (examples.group == group))
        members = {index: task for index, task in enumerate(tasks) if task.group == group}
        if not len(rows) or not members:
            continue
        names = [task.name for task in members.values()]
        answers = predictor.predict_table(_taken(examples.features, rows), tasks=names).by_task
        for index, task in members.items():
            own = prepared.tasks[index].test.rows
            if len(own):
                outputs[index] = answers[task.name].output[np.searchsorted(rows, own)]
    return outputs


def _taken(features: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    kept = np.zeros(features.num_rows, bool)
    kept[rows] = True
    return features.filter(pa.array(kept))
