"""Meta-training, read from top to bottom: plan, encode, train, store, adapt to test episodes, meet the rivals, judge."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from learning.episodes import MetaPlan, plan_meta
from learning.errors import SpecError
from learning.header import input_of
from learning.learner import begin, learner_of
from learning.meta_header import MetaHeader
from learning.model import MetaModel, TrainedModel, load_model
from learning.specs import MetaJob
from learning.tables import Table
from worker.training.batches import weights_seed
from worker.training.episodes.evaluation import Measured, Stopped, measured
from worker.training.episodes.fitting import meta_fit
from worker.training.episodes.material import Material, material
from worker.training.episodes.result import entries, meta_result, points
from worker.training.episodes.rivals import rivals
from worker.training.files import MODEL, RESULT
from worker.training.multitask import Attempt
from worker.training.progress import Channel, Progress, stopped
from worker.training.rounds import Fitted

PHASES = {"preparing": 0.03, "training": 0.8, "evaluating": 0.1, "baselines": 0.05, "saving": 0.02}
_MOST_TOLD = 20


@dataclass(frozen=True, eq=False)
class _Course:
    """What one attempt works with; ``source`` is the model that training begins from, if there is one."""

    plan: MetaPlan
    rows: Material
    source: MetaModel | TrainedModel | None
    attempt: Attempt
    channel: Channel
    progress: Progress


def meta(
    job: MetaJob,
    tables: Mapping[str, Table],
    models: Mapping[str, Path],
    attempt: Attempt,
    channel: Channel,
) -> dict[str, Any]:
    """Run one attempt at ``job`` and return how it ended, with the names of the files it left in its folder.

    Raises:
        SpecError: the job does not fit its table, or the model that it begins from.
        TrainingDiverged: the loss left the finite numbers.
    """
    began = time.monotonic()
    progress = Progress(channel, phases=PHASES)
    progress.enter("preparing")
    source = None if job.init is None else load_model(models[job.init])
    plan = plan_meta(job, tables, {} if source is None or job.init is None else {job.init: source.header})
    if plan.problems:
        raise SpecError(plan.problems)
    rows = material(plan, tables, attempt.device, None if source is None else source.header)
    course = _Course(plan, rows, source, attempt, channel, progress)
    for notice in course.rows.encoding.notices[:_MOST_TOLD]:  # only now is it known what training tasks hold
        channel.log("warning", f"{notice.code}: {notice.detail}")

    progress.enter("training")
    fitted = _fit(course)
    trained = time.monotonic()
    if fitted.stopped in ("cancel", "preempt") or not fitted.state.has_best:
        return stopped(fitted.stopped)

    progress.enter("evaluating")
    MetaModel(_header(course), {name: tensor.cpu().numpy() for name, tensor in fitted.best.items()}).save(
        attempt.folder / MODEL
    )
    try:
        found = _evaluate(course)
    except Stopped:
        return stopped(channel.stop)
    evaluated = time.monotonic()

    progress.enter("baselines")
    if job.baselines and fitted.stopped is None:
        try:
            found = _meet(course, found)
        except Stopped:
            if channel.stop != "keep_best":
                return stopped(channel.stop)
    compared = time.monotonic()

    progress.enter("saving")
    seconds = {"total": time.monotonic() - began, "training": trained - began, "baselines": compared - evaluated}
    body = _body(course, found)
    body["result"] |= {"seconds": {name: round(value, 3) for name, value in seconds.items()}}
    (attempt.folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    progress.finish()
    return {
        "outcome": "cancelled" if channel.stop == "keep_best" else "succeeded",
        "files": {"model": MODEL, "result": RESULT},
    }


def _fit(course: _Course) -> Fitted:
    plan, rows = course.plan, course.rows
    torch.manual_seed(weights_seed(plan.spec.seed or 0))  # the weights' first values come from torch's own generator
    learner = plan.spec.method.build(
        plan.spec.network,
        rows.encoding.inputs,
        plan.question,
        ways=plan.ways,
        normalisation=plan.spec.normalisation,
    )
    if course.source is not None:
        begin(learner, course.source.tensors, head=plan.keeps_head)
    learner.to(course.attempt.device)
    return meta_fit(
        learner,
        rows,
        checkpoints=course.attempt.checkpoints,
        channel=course.channel,
        progress=course.progress,
    )


def _header(course: _Course) -> MetaHeader:
    plan, rows, spec = course.plan, course.rows, course.plan.spec
    return MetaHeader(
        name=spec.name,
        inputs=tuple(input_of(column) for column in rows.encoding.columns),
        ignored=tuple(column.name for column in rows.encoding.dropped),
        target=spec.target,
        type=plan.type,
        classes=plan.classes,
        episodes=spec.episodes is not None,
        ways=plan.ways,
        shots=plan.training.shots or 1,
        queries=plan.training.queries or 1,
        mean=rows.scale.mean,
        deviation=rows.scale.deviation,
        network=spec.network.model_dump(mode="json"),
        method=spec.method.model_dump(mode="json"),
        normalisation=spec.normalisation,
        job=spec.model_dump(mode="json", exclude={"name", "baselines", "priority", "metadata"}),
        encoding=rows.encoding,
    )


def _evaluate(course: _Course) -> list[Measured]:
    """The file that will be stored, adapted to the episodes of every protocol as it will be when it serves."""
    model = load_model(course.attempt.folder / MODEL)
    assert isinstance(model, MetaModel)  # as it was just written
    learner = learner_of(model).to(course.attempt.device)
    protocols = len(course.plan.spec.evaluation)
    return [
        measured(
            learner,
            model.header,
            course.rows,
            index,
            stop=lambda: course.channel.stop in ("cancel", "preempt"),
            advance=lambda part, index=index: course.progress.advance((index + part) / protocols),  # type: ignore[misc]
        )
        for index in range(protocols)
    ]


def _meet(course: _Course, found: list[Measured]) -> list[Measured]:
    """The same episodes answered by the rivals."""
    met = []
    for index, own in enumerate(found):
        course.progress.advance(index / len(found))
        told = rivals(course.rows, own.drawn, own.protocol, stop=lambda: course.channel.stop is not None)
        met.append(replace(own, rivals=told))
    return met


def _body(course: _Course, found: list[Measured]) -> dict[str, Any]:
    plan, header = course.plan, _header(course)
    course.progress.record(points(found, regression=plan.question == "regression"))
    told = entries(plan, found, deviation=course.rows.scale.deviation)
    public = header.public()
    metrics = told[0]["test"] if told else {}
    public["tasks"] = [task | {"metrics": metrics} for task in public["tasks"]]
    return {"result": meta_result(told), "tasks": told, "model": {**public, "adaptable": True}}
