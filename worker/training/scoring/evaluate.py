"""Stored models measured on the labelled rows of a dataset, and by how much they differ.

The features pass by, a stretch of rows at a time; labels and answers of the measured tasks stay, for a rank knows all rows.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from learning.errors import SpecError
from learning.predictor import Predictor
from learning.scoring import plan_scoring
from learning.specs import EvaluateJob
from learning.tables import Table
from worker.training.files import PREDICTIONS, RESULT
from worker.training.progress import Channel, Progress, stopped
from worker.training.scoring.asked import Asked, columns_of, rows_at_a_time
from worker.training.scoring.judged import Judged
from worker.training.scoring.rows import answered_rows, schema_of

PHASES = {"preparing": 0.02, "evaluating": 0.9, "saving": 0.08}


def evaluate(
    job: EvaluateJob, tables: Mapping[str, Table], models: Mapping[str, Path], folder: Path, channel: Channel
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended. An attempt that was cut short left nothing to go on from.

    Raises:
        SpecError: models and dataset do not fit together.
        ModelUnhealthy: an answer is not finite.
    """
    began = time.monotonic()
    progress = Progress(channel, phases=PHASES)
    progress.enter("preparing")
    predictors = {model: Predictor.load(models[model]) for model in job.models}
    plan = plan_scoring(job, tables, {model: one.header for model, one in predictors.items()})
    if plan.problems:
        raise SpecError(plan.problems)
    table = tables[job.dataset]
    asked = {model: Asked(one, plan.tasks) for model, one in predictors.items()}
    outputs = {output.name: output for output in predictors[job.models[0]].header.outputs}
    judged = {name: Judged(outputs[name], job.models) for name in plan.tasks}

    progress.enter("evaluating")
    names = [*(one.output.target for one in judged.values()), *(name for one in asked.values() for name in one.columns)]
    schema, done = schema_of(one.output for one in judged.values()), 0
    with pq.ParquetWriter(folder / PREDICTIONS, schema, compression="zstd") as target:
        for rows in table.batches(columns_of(table, names), rows=rows_at_a_time(*asked.values())):
            if channel.stop is not None:
                return stopped(channel.stop)
            target.write_table(_answered(rows, asked, judged, schema, first=done))
            done += rows.num_rows
            progress.advance(done / table.rows)

    progress.enter("saving")
    told = [one.result() for one in judged.values()]
    warnings = [
        *({**warning, "model": model} for model, one in asked.items() for warning in one.warnings()),
        *(warning for one in judged.values() for warning in one.warnings()),
    ]
    result = {"rows": done, "seconds": {"total": round(time.monotonic() - began, 3)}, "warnings": warnings}
    body = {"result": result, "tasks": told, "model": {}}
    (folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    progress.finish()
    return {"outcome": "succeeded", "files": {"result": RESULT, "predictions": PREDICTIONS}}


def _answered(
    rows: pa.Table, asked: Mapping[str, Asked], judged: Mapping[str, Judged], schema: pa.Schema, *, first: int
) -> pa.Table:
    """Hand every model's answers for ``rows``, the first of which is row ``first``, to the judges; return them as rows."""
    labelled = {name: one.take(rows[one.output.target]) for name, one in judged.items()}
    parts = [schema.empty_table()]
    for model, one in asked.items():
        answers = one.answer(rows)
        for name, judge in judged.items():
            judge.add(model, labelled[name], answers[name])
            parts.append(answered_rows(model, judge.output, labelled[name], answers[name], first=first, schema=schema))
    return pa.concat_tables(parts)
