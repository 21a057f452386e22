"""The entry of a child process: an assignment becomes an attempt, an error becomes an ending."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from learning.errors import LearningError, ProblemsError
from learning.specs import AdaptJob, EvaluateJob, JobSpec, PredictJob, ReplayJob, parse_recorded
from learning.tables import Table
from worker.training.adapt import adapt
from worker.training.device import prepare_device
from worker.training.fitting import Checkpoints
from worker.training.meta import meta
from worker.training.multitask import Attempt, train
from worker.training.progress import Channel
from worker.training.replay import Train, device_asked, replay
from worker.training.scoring.evaluate import evaluate
from worker.training.scoring.predict import predict
from worker.training.transfer import transfer
from worker.training.whole import whole_files


def run(assignment: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Run the attempt that ``assignment`` describes and return the ``ended`` message without its type.

    ``assignment`` holds ``attempt``, ``spec``, ``datasets`` (id → canonical Parquet), ``models`` (id → file), ``bases`` (id →
    the file that the model's own adds to, where it is not whole), ``folder``, ``checkpoints`` (newest first),
    ``checkpoint_folder`` and ``threads``.
    """
    try:
        job = parse_recorded(assignment["spec"])
        training = job.training() if isinstance(job, ReplayJob) else job
        tables = {name: Table(name, Path(path)) for name, path in assignment["datasets"].items()}
        folder, threads = Path(assignment["folder"]), int(assignment["threads"])
        device, environment = prepare_device(_device(job), threads=threads, version=metadata.version("taskgraft"))
        channel.started(environment)
        models = whole_files(assignment["models"], assignment.get("bases", {}), folder)
        if isinstance(training, EvaluateJob):
            return evaluate(training, tables, models, folder, channel)
        if isinstance(training, PredictJob):
            return predict(training, tables, models, folder, channel)
        if isinstance(training, AdaptJob):
            return adapt(training, tables, models, folder, channel)
        checkpoints = Checkpoints(
            Path(assignment["checkpoint_folder"]), int(assignment["attempt"]), tuple(assignment["checkpoints"])
        )
        attempt, recipe = Attempt(folder, checkpoints, device), TRAININGS[training.kind]
        if isinstance(job, ReplayJob):
            return replay(job, training, tables, models, attempt, channel, train=recipe, environment=environment)
        return recipe(training, tables, models, attempt, channel)
    except LearningError as error:
        return {"outcome": "failed", "error": ended_by(error)}
    except torch.OutOfMemoryError:
        return {"outcome": "failed", "error": GPU_OUT_OF_MEMORY}


#: How each kind of job that trains a model does it.
TRAININGS: Mapping[str, Train] = {"meta": meta, "multitask": train, "transfer": transfer}


def _device(job: JobSpec | ReplayJob) -> str:
    if isinstance(job, ReplayJob):
        return device_asked(job.training(), job.environment)
    return "cpu" if isinstance(job, PredictJob | EvaluateJob | AdaptJob) else job.training.device


def ended_by(error: LearningError) -> dict[str, Any]:
    """Return the job's ``error`` for what the learning room raised: what the spec or the data caused is the user's."""
    param = error.problems[0].pointer if isinstance(error, ProblemsError) else None
    return {
        "code": error.code,
        "message": error.detail,
        "param": param,
        "category": "server" if error.code in ("model-unhealthy", "not-canonical") else "user",
        "retryable": False,
    }


GPU_OUT_OF_MEMORY: Mapping[str, Any] = {
    "code": "gpu-out-of-memory",
    "message": "The device ran out of memory: expected a batch that fits, try a smaller training.batch_size.",
    "param": "/training/batch_size",
    "category": "capacity",
    "retryable": False,
}
