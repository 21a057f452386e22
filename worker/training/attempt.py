"""The entry of a child process: an assignment becomes an attempt, an error becomes an ending."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from learning.errors import LearningError, ProblemsError
from learning.specs import parse_spec
from learning.tables import Table
from worker.training.device import prepare_device
from worker.training.fitting import Checkpoints
from worker.training.multitask import Attempt, train
from worker.training.progress import Channel


def run(assignment: Mapping[str, Any], channel: Channel) -> dict[str, Any]:
    """Run the attempt that ``assignment`` describes and return the ``ended`` message without its type.

    ``assignment`` holds ``attempt``, ``spec``, ``datasets`` (id → canonical Parquet), ``folder``, ``checkpoints``
    (newest first), ``checkpoint_folder`` and ``threads``.
    """
    try:
        job = parse_spec(assignment["spec"])
        device, environment = prepare_device(
            job.training.device, threads=int(assignment["threads"]), version=metadata.version("taskgraft")
        )
        channel.started(environment)
        attempt = Attempt(
            folder=Path(assignment["folder"]),
            checkpoints=Checkpoints(
                Path(assignment["checkpoint_folder"]), int(assignment["attempt"]), tuple(assignment["checkpoints"])
            ),
            device=device,
        )
        tables = {name: Table(name, Path(path)) for name, path in assignment["datasets"].items()}
        return train(job, tables, attempt, channel)
    except LearningError as error:
        return {"outcome": "failed", "error": ended_by(error)}
    except torch.OutOfMemoryError:
        return {"outcome": "failed", "error": GPU_OUT_OF_MEMORY}


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
