"""Adaptation to a whole dataset: plan, read, learn a head or more of the model, check it, store the child."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learning.adapting import Adaptation, Request, Sample, adapter_of, merge, plan_adapt
from learning.adapting.job import MAX_JOB_ROWS
from learning.errors import SpecError
from learning.model import TrainedModel, load_model
from learning.specs import AdaptJob
from learning.tables import Table
from worker.training.files import MODEL, RESULT
from worker.training.progress import Channel, Progress, stopped

PHASES = {"preparing": 0.1, "adapting": 0.8, "saving": 0.1}
_MOST_WARNINGS = 50


def adapt(
    job: AdaptJob, tables: Mapping[str, Table], models: Mapping[str, Path], folder: Path, channel: Channel
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended. An attempt that was cut short left nothing to go on from.

    Raises:
        SpecError: the job does not suit its model or its support.
        InputError: rows that do not fit the model.
        LearningError: the model's answers left the finite numbers.
    """
    began = time.monotonic()
    progress = Progress(channel, phases=PHASES)
    progress.enter("preparing")
    model, table = load_model(models[job.model]), tables[job.support]
    plan = plan_adapt(job, model.header, table)
    if plan.problems:
        raise SpecError(plan.problems)
    adapter = adapter_of(model)
    sample = Sample(support=table.read(plan.columns), task_key=job.task_key, name=job.name, style="columns")

    progress.enter("adapting")
    adapting = time.monotonic()
    request = Request(targets=job.wanted, steps=job.steps, most_rows=MAX_JOB_ROWS)
    learned = adapter.adapt(request, [sample])[0]
    if channel.stop is not None:
        return stopped(channel.stop)

    progress.enter("saving")
    saving = time.monotonic()
    child = merge(model, learned.delta)
    child.save(folder / MODEL)
    seconds = {"total": time.monotonic() - began, "adapting": saving - adapting}
    body = _body(job, table, child, learned, {name: round(value, 3) for name, value in seconds.items()})
    (folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    progress.finish()
    return {"outcome": "succeeded", "files": {"model": MODEL, "result": RESULT}}


def _body(
    job: AdaptJob, table: Table, child: TrainedModel, learned: Adaptation, seconds: Mapping[str, float]
) -> dict[str, Any]:
    checks = {target: check.to_json() for target, check in learned.checks.items()}
    types = {output.target: output.type for output in child.header.outputs}
    tasks = [
        {"name": target, "type": types[target], "rows": {"support": table.rows}, **check, "verdict": None}
        for target, check in checks.items()
    ]
    warnings = [
        {"code": notice.code, "detail": notice.detail, "pointer": notice.pointer}
        for notice in learned.notices[:_MOST_WARNINGS]
    ]
    result = {
        "check": checks if job.targets is not None or len(checks) > 1 else next(iter(checks.values())),
        "rows": table.rows,
        "seconds": dict(seconds),
        "warnings": warnings,
    }
    public = child.header.public()
    public["tasks"] = [{**task, "metrics": {}} for task in public["tasks"]]
    return {"result": result, "tasks": tasks, "model": {**public, "adaptable": True}}
