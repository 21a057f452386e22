"""The stored model on its test rows, through the very object that will serve it (DESIGN D15)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from learning.answers import Labels
from learning.metrics import Metrics, test_metrics
from learning.predictor import Predictor
from learning.split import TEST
from worker.training.prepare import Prepared


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the model answers on the test rows: ``outputs`` by task index, ``metrics`` for every task."""

    outputs: Mapping[int, NDArray[np.float64]]
    metrics: Sequence[Metrics]


def evaluate(predictor: Predictor, prepared: Prepared) -> Evaluation:
    """Answer every task's test rows and measure the answers; a task without test rows has no metrics."""
    grouped = prepared.plan.spec.grouped is not None
    outputs = _grouped_outputs(predictor, prepared) if grouped else _listed_outputs(predictor, prepared)
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


def _listed_outputs(predictor: Predictor, prepared: Prepared) -> dict[int, NDArray[np.float64]]:
    """One pass per source, as each has features of its own."""
    examples, tasks = prepared.examples, prepared.plan.tasks
    outputs: dict[int, NDArray[np.float64]] = {}
    for group in range(prepared.plan.layout.groups):
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


def prediction_table(prepared: Prepared, evaluation: Evaluation) -> pa.Table:
    """Return the test predictions, one row for each task and test row, in the canonical column types.

    Columns: ``task``, ``dataset``, ``row`` (from 0), then ``value`` and ``predicted_value`` of regressions, ``label``,
    ``predicted_label`` and ``probability`` (of the predicted label) of classifications.
    """
    parts = [_part(prepared, index, output) for index, output in sorted(evaluation.outputs.items())]
    table = pa.concat_tables(parts) if parts else _SCHEMA.empty_table()
    unused = [name for name in table.column_names if name not in _ALWAYS and table[name].null_count == len(table)]
    return table.drop_columns(unused)


def _part(prepared: Prepared, index: int, output: NDArray[np.float64]) -> pa.Table:
    task, test = prepared.plan.tasks[index], prepared.tasks[index].test
    columns: dict[str, Any] = {
        "task": pa.array([task.name]).take(pa.array(np.zeros(len(test), np.int64))),
        "dataset": pa.array([task.dataset]).take(pa.array(np.zeros(len(test), np.int64))),
        "row": prepared.examples.row[test.rows].astype(np.float64),
    }
    if task.type == "regression":
        columns |= {"value": test.labels, "predicted_value": output}
    else:
        probabilities = np.stack([1.0 - output, output], axis=1) if task.type == "binary" else output
        labels = Labels(task.type, task.classes or (), probabilities)
        names = pa.array(task.classes)
        columns |= {
            "label": names.take(pa.array(test.labels.astype(np.int64))),
            "predicted_label": labels.labels,
            "probability": probabilities.max(axis=1),
        }
    return pa.table(
        [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(len(test), field.type)
            for field in _SCHEMA
        ],
        schema=_SCHEMA,
    )


def _field(name: str, kind: str, dtype: pa.DataType) -> pa.Field:
    return pa.field(name, dtype, metadata={"type": kind})


_ALWAYS = ("task", "dataset", "row")
_SCHEMA = pa.schema(
    [
        _field("task", "category", pa.string()),
        _field("dataset", "category", pa.string()),
        _field("row", "number", pa.float64()),
        _field("value", "number", pa.float64()),
        _field("predicted_value", "number", pa.float64()),
        _field("label", "category", pa.string()),
        _field("predicted_label", "category", pa.string()),
        _field("probability", "number", pa.float64()),
    ]
)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a canonical Parquet file."""
    pq.write_table(table, path, compression="zstd")
