"""Batch prediction: a dataset in, a dataset of answers out, neither of them ever whole in memory."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from learning.errors import SpecError
from learning.header import ModelHeader
from learning.predictor import Labels, Predictor, Values
from learning.scoring import plan_scoring
from learning.specs import PredictJob
from learning.tables import Table
from worker.training.files import PREDICTIONS, RESULT
from worker.training.progress import Channel, Progress, stopped
from worker.training.scoring.asked import Asked, columns_of, rows_at_a_time

PHASES = {"preparing": 0.02, "predicting": 0.96, "saving": 0.02}


def predict(
    job: PredictJob, tables: Mapping[str, Table], models: Mapping[str, Path], folder: Path, channel: Channel
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended. An attempt that was cut short left nothing to go on from.

    Raises:
        SpecError: the dataset does not bring what the model reads.
        ModelUnhealthy: an answer is not finite.
    """
    began = time.monotonic()
    progress = Progress(channel, phases=PHASES)
    progress.enter("preparing")
    table, asked = tables[job.dataset], Asked(Predictor.load(models[job.model]))
    plan = plan_scoring(job, tables, {job.model: asked.predictor.header})
    if plan.problems:
        raise SpecError(plan.problems)

    progress.enter("predicting")
    schema, done = schema_of(asked.predictor.header), 0
    with pq.ParquetWriter(folder / PREDICTIONS, schema, compression="zstd") as target:
        for rows in table.batches(columns_of(table, asked.columns), rows=rows_at_a_time(asked)):
            if channel.stop is not None:
                return stopped(channel.stop)
            target.write_table(_answers(asked.answer(rows), first=done, rows=rows.num_rows, schema=schema))
            done += rows.num_rows
            progress.advance(done / table.rows)

    progress.enter("saving")
    seconds = round(time.monotonic() - began, 3)
    result = {"rows": done, "seconds": {"total": seconds}, "warnings": asked.warnings()}
    body = {"result": result, "tasks": [], "model": {}}
    (folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    progress.finish()
    return {"outcome": "succeeded", "files": {"result": RESULT, "predictions": PREDICTIONS}}


def schema_of(header: ModelHeader) -> pa.Schema:
    """``row`` (from 0); per answer ``predicted_<task>``, and of a classification ``probability_<task>=<class>`` for each class.

    Two columns whose names would be the same are numbered.
    """
    columns = [("row", "number")]
    for output in header.outputs:
        columns.append((f"predicted_{output.name}", "number" if output.type == "regression" else "category"))
        columns += [(f"probability_{output.name}={each}", "number") for each in output.classes or ()]
    taken: set[str] = set()
    return pa.schema([_field(_free(name, taken), kind) for name, kind in columns])


def _field(name: str, kind: str) -> pa.Field:
    return pa.field(name, pa.float64() if kind == "number" else pa.string(), metadata={"type": kind})


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name}-{number}"
    taken.add(found)
    return found


def _answers(by_task: Mapping[str, Values | Labels], *, first: int, rows: int, schema: pa.Schema) -> pa.Table:
    columns: list[Any] = [np.arange(first, first + rows, dtype=np.float64)]
    for answers in by_task.values():
        if isinstance(answers, Values):
            columns.append(answers.values)
        else:
            columns += [answers.labels, *answers.probabilities.T]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
