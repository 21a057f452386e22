"""Transfer, read from top to bottom: plan, start at the source, train, store, evaluate, meet the rivals, judge."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from learning.adapting import is_adaptable
from learning.errors import SpecError
from learning.grafting import Graft, plan_transfer, start
from learning.header import ModelHeader, header_of
from learning.model import TrainedModel
from learning.predictor import Predictor
from learning.specs import TransferJob
from learning.tables import Table
from learning.verdict import MIN_ALONE
from worker.training.baselines.rivals import Rivals, rivals
from worker.training.baselines.single_task import Alone, Stopped
from worker.training.batches import repeat_seed, weights_seed
from worker.training.evaluate import Evaluation, evaluate
from worker.training.files import MODEL, PREDICTIONS, RESULT
from worker.training.fitting import Checkpoints, Part, Recipe, fit
from worker.training.forgetting import forgetting
from worker.training.multitask import Attempt
from worker.training.predictions import prediction_table, write_table
from worker.training.prepare import Prepared, prepare, training_data
from worker.training.progress import Channel, Progress, stopped
from worker.training.repeats import Outputs, Repeated, budget, limited, repeated
from worker.training.result import Judgement, job_result, judge, pooled_metrics, sentence, task_result, transferred
from worker.training.rounds import Fitted

_REPEAT = "repeat.safetensors"
#: Of a lone task the pooled models are its own.
_POOLED = ("one_model_linear", "one_model_trees")


@dataclass(frozen=True, eq=False)
class _Course:
    """What one attempt works with: ``rows`` as the source reads them, ``own`` as the table by itself suggests."""

    graft: Graft
    source: TrainedModel
    rows: Prepared
    own: Prepared
    attempt: Attempt
    channel: Channel
    progress: Progress


def transfer(
    job: TransferJob, tables: Mapping[str, Table], models: Mapping[str, Path], attempt: Attempt, channel: Channel
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended, with the names of the files it left in its folder.

    Raises:
        SpecError: the job does not fit its source or its table.
        TrainingDiverged: the loss left the finite numbers.
    """
    began = time.monotonic()
    progress = Progress(channel)
    progress.enter("preparing")
    source = TrainedModel.load(models[job.source])
    graft = plan_transfer(job, source.header, tables)
    if graft.problems:
        raise SpecError(graft.problems)
    own = prepare(graft.plan, tables)
    encoding = source.header.encoding
    # the model reads rows as its source does; its rivals, who have no source, as the table's own training rows suggest
    rows = replace(own, encoding=encoding, encoded=encoding.encode(own.examples.features, absent=own.absent))
    course = _Course(graft, source, rows, own, attempt, channel, progress)

    progress.enter("training")
    found = repeated(
        graft.plan.spec.repeats,
        lambda part, checkpoints: _fit(course, part, checkpoints),
        lambda _, best: _answers(course, best),
        checkpoints=attempt.checkpoints,
        device=attempt.device,
    )
    trained = time.monotonic()
    if found.stopped in ("cancel", "preempt") or not found.state.has_best:
        return stopped(found.stopped)

    progress.enter("evaluating")
    model = _store(course, found.best, attempt.folder / MODEL)
    evaluation = evaluate(Predictor.load(attempt.folder / MODEL), rows)
    forgotten: dict[str, Any] | None = None
    met: Rivals | None = None
    evaluated = time.monotonic()
    try:
        if found.stopped is None:
            forgotten = forgetting(source, model.tensors, tables, stop=lambda: channel.stop is not None)
        progress.enter("baselines")
        evaluated = time.monotonic()
        if job.baselines and found.stopped is None:
            met = _rivals(course, found)
    except Stopped:
        if channel.stop != "keep_best":
            return stopped(channel.stop)
    compared = time.monotonic()

    progress.enter("saving")
    write_table(prediction_table(rows, evaluation), attempt.folder / PREDICTIONS)
    seconds = {"total": time.monotonic() - began, "training": trained - began, "baselines": compared - evaluated}
    body = _body(course, model, evaluation, found.others, met)
    body["result"] |= {"forgetting": forgotten, "seconds": {name: round(value, 3) for name, value in seconds.items()}}
    (attempt.folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    progress.finish()
    return {
        "outcome": "cancelled" if channel.stop == "keep_best" else "succeeded",
        "files": {"model": MODEL, "result": RESULT, "predictions": PREDICTIONS},
    }


def _fit(course: _Course, part: Part, checkpoints: Checkpoints) -> Fitted:
    spec, device = course.graft.plan.spec, course.attempt.device
    seed = repeat_seed(spec.seed or 0, part.begin.repeat)
    torch.manual_seed(weights_seed(seed))  # a new head's first values come from torch's own generator
    mean, deviation = course.rows.scales[0].tolist()
    model = start(
        course.graft,
        course.source,
        mean=mean,
        deviation=deviation,
        rows=torch.from_numpy(course.rows.head_rows),
        device=device,
    )
    data, losses = training_data(course.rows, device)
    return fit(
        model,
        data,
        Recipe(limited(spec.training, part), spec.balancing, losses, seed),
        checkpoints=checkpoints,
        channel=course.channel,
        progress=course.progress,
        part=part,
    )


def _answers(course: _Course, best: Mapping[str, torch.Tensor]) -> Outputs:
    """What weights that are not kept answer on the test rows, by way of the same bytes that those to keep go."""
    path = course.attempt.folder / _REPEAT
    _store(course, best, path)
    try:
        return evaluate(Predictor.load(path), course.rows).outputs
    finally:
        path.unlink()


def _store(course: _Course, best: Mapping[str, torch.Tensor], path: Path) -> TrainedModel:
    model = TrainedModel(_header(course), {name: tensor.cpu().numpy() for name, tensor in best.items()})
    model.save(path)
    return model


def _header(course: _Course) -> ModelHeader:
    header = header_of(course.graft.plan, course.rows.encoding, course.rows.scales)
    method = course.graft.spec.method.model_dump(mode="json")
    return header.model_copy(update={"kind": "transfer", "transfer": method})


def _rivals(course: _Course, found: Repeated) -> Rivals:
    """The rivals of a lone task; training alone is here training from scratch, in the same budget, under as many seeds, and
    three at least."""
    spec = course.graft.plan.spec
    how = Alone(
        network=spec.network,
        inputs=course.own.inputs,
        training=budget(spec.training, found.state),
        seed=spec.seed or 0,
        repeats=max(spec.repeats, MIN_ALONE),
        device=course.attempt.device,
        stop=lambda: course.channel.stop is not None,
        progress=course.progress.advance,
    )
    met = rivals(course.own.encoded, course.own.tasks, how)
    return replace(met, outputs={name: own for name, own in met.outputs.items() if name not in _POOLED})


def _body(
    course: _Course, model: TrainedModel, evaluation: Evaluation, others: Sequence[Outputs], met: Rivals | None
) -> dict[str, Any]:
    tasks, data = course.rows.plan.tasks, course.rows.tasks
    judgement = Judgement.none(1)
    if met is not None:
        judgement = judge(tasks, data, (evaluation.outputs, *others), met, clusters=course.rows.examples.cluster)
    told = task_result(
        tasks[0],
        data[0],
        evaluation.metrics[0],
        judgement.rivals[0],
        judgement.verdicts[0],
        repeats=[outputs[0] for outputs in others if 0 in outputs],
    )
    entry = transferred(told)
    pooled = pooled_metrics(tasks, data, evaluation.outputs, met.outputs if met else {})
    result = job_result([told], pooled, sampled=judgement.sampled) | {"summary": sentence(entry)}
    public = model.header.public()
    public["tasks"] = [public["tasks"][0] | {"metrics": entry["test"]}]
    return {"result": result, "tasks": [entry], "model": {**public, "adaptable": is_adaptable(model.header)}}
