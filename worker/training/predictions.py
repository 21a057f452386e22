"""The test predictions as a canonical table: the job's dataset of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from learning.predictor import Labels
from worker.training.evaluate import Evaluation
from worker.training.prepare import Prepared


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
