"""What models answered for labelled rows, as rows of a dataset: one for each model, task and labelled row."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from learning.header import Output
from learning.predictor import Labels, Values
from worker.training.scoring.judged import Labelled

_VALUES = (("value", "number"), ("predicted_value", "number"))
_LABELS = (("label", "category"), ("predicted_label", "category"), ("probability", "number"))


def schema_of(outputs: Iterable[Output]) -> pa.Schema:
    """``model``, ``task``, ``row`` (from 0); of regressions ``value`` and ``predicted_value``; of classifications ``label``,
    ``predicted_label`` and ``probability``, of the predicted label."""
    regressions = [output.type == "regression" for output in outputs]
    columns = [("model", "category"), ("task", "category"), ("row", "number")]
    columns += _VALUES if any(regressions) else ()
    columns += _LABELS if not all(regressions) else ()
    return pa.schema(
        [
            pa.field(name, pa.float64() if kind == "number" else pa.string(), metadata={"type": kind})
            for name, kind in columns
        ]
    )


def answered_rows(
    model: str, output: Output, labelled: Labelled, answers: Values | Labels, *, first: int, schema: pa.Schema
) -> pa.Table:
    """The labelled rows of a stretch that begins with row ``first``."""
    places, rows = labelled.places, len(labelled.places)
    columns: dict[str, pa.Array] = {
        "model": pa.repeat(model, rows),
        "task": pa.repeat(output.name, rows),
        "row": pa.array((places + first).astype(np.float64)),
    }
    if isinstance(answers, Values):
        columns |= {"value": pa.array(labelled.labels), "predicted_value": pa.array(answers.values[places])}
    else:
        own = Labels(answers.type, answers.classes, answers.probabilities[places])
        columns |= {
            "label": pa.array(answers.classes).take(pa.array(labelled.labels.astype(np.int64))),
            "predicted_label": pa.array(own.labels, pa.string()),
            "probability": pa.array(own.probabilities.max(axis=1) if rows else np.zeros(0)),
        }
    return pa.table([columns.get(field.name, pa.nulls(rows, field.type)) for field in schema], schema=schema)
