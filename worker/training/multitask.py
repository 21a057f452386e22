"""Multi-task training, read from top to bottom: plan, encode, train, store, evaluate, meet the rivals, judge."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.adapting import is_adaptable
from learning.errors import SpecError
from learning.header import header_of
from learning.model import TrainedModel
from learning.planning import Plan
from learning.predictor import Predictor
from learning.specs import MultitaskJob
from learning.tables import Table
from learning.verdict import MIN_ALONE
from worker.training.baselines.rivals import Rivals
from worker.training.baselines.single_task import Alone, Stopped
from worker.training.batches import repeat_seed, weights_seed
from worker.training.evaluate import evaluate
from worker.training.files import MODEL, PREDICTIONS, RESULT
from worker.training.fitting import Checkpoints, Part, Recipe, fit
from worker.training.folds import Measured, course_of
from worker.training.predictions import prediction_table, write_table
from worker.training.prepare import Prepared, training_data
from worker.training.progress import Channel, Progress, stopped
from worker.training.repeats import Repeated, budget, limited, repeated
from worker.training.result import Judgement, job_result, judge, pooled_metrics, task_result
from worker.training.rounds import Fitted
from worker.training.start import Start, start_of

_REPEAT = "repeat.safetensors"
#: A table of thousands of constant columns shall not drown the job's events.
_MOST_TOLD = 20


@dataclass(frozen=True)
class Attempt:
    """One attempt at a job: its number, where it writes, and what earlier attempts left.

    stored_only: only the model that is stored is wanted, and no training beside it.
    """

    folder: Path
    checkpoints: Checkpoints
    device: torch.device
    stored_only: bool = False


def train(
    job: MultitaskJob,
    tables: Mapping[str, Table],
    models: Mapping[str, Path],
    attempt: Attempt,
    channel: Channel,
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended, with the names of the files it left in its folder.

    Raises:
        SpecError: the job does not fit its tables.
        TrainingDiverged: the loss left the finite numbers.
    """
    began = time.monotonic()
    progress = Progress(channel)
    progress.enter("preparing")
    start = start_of(job, tables, models)
    plan = start.plan
    if plan.problems:
        raise SpecError(plan.problems)
    course = course_of(plan, tables)
    for notice in course.stored.encoding.notices[:_MOST_TOLD]:  # only now is it known which rows are for training
        channel.log("warning", f"{notice.code}: {notice.detail}")

    progress.enter("training")
    found = repeated(
        1 if attempt.stored_only else course.trainings,
        lambda part, checkpoints: _fit(
            start, course.rows(part.begin.repeat), attempt, part, checkpoints, channel, progress
        ),
        lambda training, best: _answers(start, course.rows(training), best, tables, attempt.folder),
        checkpoints=attempt.checkpoints,
        device=attempt.device,
    )
    trained = time.monotonic()
    if found.stopped in ("cancel", "preempt") or not found.state.has_best:
        return stopped(found.stopped)

    progress.enter("evaluating")
    model = _store(start, course.stored, found.best, tables, attempt.folder / MODEL)
    measured = course.measured(Predictor.load(attempt.folder / MODEL), found.others)

    progress.enter("baselines")
    evaluated = time.monotonic()
    met: Rivals | None = None
    if plan.spec.baselines and found.stopped is None:
        try:
            met = course.rivals(_alone(plan, course.stored, attempt, found, channel, progress))
        except Stopped:
            if channel.stop != "keep_best":
                return stopped(channel.stop)
    compared = time.monotonic()

    progress.enter("saving")
    write_table(prediction_table(measured.rows, measured.evaluation), attempt.folder / PREDICTIONS)
    seconds = {"total": time.monotonic() - began, "training": trained - began, "baselines": compared - evaluated}
    _write_result(attempt.folder / RESULT, measured, met, model, seconds)
    progress.finish()
    return {
        "outcome": "cancelled" if channel.stop == "keep_best" else "succeeded",
        "files": {"model": MODEL, "result": RESULT, "predictions": PREDICTIONS},
    }


def _alone(
    plan: Plan, prepared: Prepared, attempt: Attempt, found: Repeated, channel: Channel, progress: Progress
) -> Alone:
    """How a task is trained alone: exactly as the shared model was, under as many seeds, and three at least."""
    return Alone(
        network=plan.spec.network,
        inputs=prepared.inputs,
        training=budget(plan.spec.training, found.state),
        seed=plan.spec.seed or 0,
        repeats=max(plan.spec.repeats, MIN_ALONE),
        device=attempt.device,
        stop=lambda: channel.stop is not None,
        progress=progress.advance,
    )


def _fit(
    start: Start,
    prepared: Prepared,
    attempt: Attempt,
    part: Part,
    checkpoints: Checkpoints,
    channel: Channel,
    progress: Progress,
) -> Fitted:
    plan, prepared = start.plan, start.rows(prepared)
    spec = plan.spec
    seed = repeat_seed(spec.seed or 0, part.begin.repeat)
    torch.manual_seed(weights_seed(seed))  # the weights' first values come from torch's own generator
    rows = torch.from_numpy(prepared.head_rows)
    model = spec.sharing.build(spec.network, prepared.inputs, plan.layout, rows=rows)
    start.begin(model, prepared)
    model = model.to(attempt.device)
    data, losses = training_data(prepared, attempt.device)
    return fit(
        model,
        data,
        Recipe(limited(spec.training, part), spec.balancing, losses, seed),
        checkpoints=checkpoints,
        channel=channel,
        progress=progress,
        part=part,
    )


def _answers(
    start: Start, prepared: Prepared, best: Mapping[str, torch.Tensor], tables: Mapping[str, Table], folder: Path
) -> Mapping[int, NDArray[np.float64]]:
    """What weights that are not kept answer on the test rows, by way of the same bytes that those to keep go."""
    path = folder / _REPEAT
    _store(start, prepared, best, tables, path)
    try:
        return evaluate(Predictor.load(path), prepared).outputs
    finally:
        path.unlink()


def _store(
    start: Start, prepared: Prepared, best: Mapping[str, torch.Tensor], tables: Mapping[str, Table], path: Path
) -> TrainedModel:
    plan, grouped = start.plan, start.plan.spec.grouped
    types = {name: tables[grouped.dataset].types[name] for name in grouped.group_by} if grouped else None
    header = header_of(plan, start.encoding(prepared), prepared.scales, group_types=types)
    model = TrainedModel(header, {name: tensor.cpu().numpy() for name, tensor in best.items()})
    model.save(path)
    return model


def _write_result(
    path: Path,
    measured: Measured,
    found: Rivals | None,
    model: TrainedModel,
    seconds: Mapping[str, float],
) -> None:
    rows, evaluation = measured.rows, measured.evaluation
    tasks, data = rows.plan.tasks, rows.tasks
    if found is None:
        judgement = Judgement.none(len(tasks))
    else:
        arms = (evaluation.outputs, *measured.repeats)
        judgement = judge(tasks, data, arms, found, clusters=rows.examples.cluster)
    entries = [
        task_result(
            task,
            data[i],
            evaluation.metrics[i],
            judgement.rivals[i],
            judgement.verdicts[i],
            repeats=[outputs[i] for outputs in measured.repeats if i in outputs],
        )
        for i, task in enumerate(tasks)
    ]
    pooled = pooled_metrics(tasks, data, evaluation.outputs, found.outputs if found else {})
    result = job_result(entries, pooled, sampled=judgement.sampled)
    result["seconds"] = {name: round(value, 3) for name, value in seconds.items()}
    public = model.header.public()
    public["tasks"] = [told | {"metrics": entry["test"]} for told, entry in zip(public["tasks"], entries, strict=True)]
    body = {"result": result, "tasks": entries, "model": {**public, "adaptable": is_adaptable(model.header)}}
    path.write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
