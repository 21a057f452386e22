"""A training done again from its record, and whether it came out the same, tensor by tensor and bit by bit."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.model import load_model
from learning.specs import Replayed, ReplayJob
from learning.tables import Table
from worker.training.files import MODEL, RESULT
from worker.training.multitask import Attempt
from worker.training.progress import Channel

Tensors = Mapping[str, NDArray[np.float32]]
Train = Callable[[Any, Mapping[str, Table], Mapping[str, Path], Attempt, Channel], dict[str, Any]]

_AGAIN = "again"


@dataclass(frozen=True)
class Compared:
    """reproduced: whether every tensor is the same bit for bit. max_abs_difference: None where names or shapes differ."""

    reproduced: bool
    max_abs_difference: float | None


def replay(
    job: ReplayJob,
    training: Replayed,
    tables: Mapping[str, Table],
    models: Mapping[str, Path],
    attempt: Attempt,
    channel: Channel,
    *,
    train: Train,
    environment: Mapping[str, Any],
) -> dict[str, Any]:
    """Run one attempt at ``job``: train, compare with the stored model, and leave a result and no model.

    Args:
        training: what is trained again. train: how jobs of its kind are trained.
        models: the stored model among them, whose hash the supervisor has checked.
        environment: what this attempt runs on.

    Raises:
        SpecError: the recorded job does not fit its tables any more.
        TrainingDiverged: the loss left the finite numbers.
    """
    began = time.monotonic()
    warnings = [
        {"code": "environment-differs", "detail": difference}
        for difference in differences(job.environment or {}, environment)
    ]
    for warning in warnings:
        channel.log("warning", f"{warning['code']}: {warning['detail']}")
    folder = attempt.folder / _AGAIN
    folder.mkdir()
    ended = train(training, tables, models, replace(attempt, folder=folder, stored_only=True), channel)
    if ended["outcome"] != "succeeded":
        return {"outcome": ended["outcome"]}  # cancelled: half a training is no replay, whatever was to be kept
    found = compare(load_model(models[job.model]).tensors, load_model(folder / MODEL).tensors)
    if training.training.max_seconds is not None and not found.reproduced:
        detail = "training.max_seconds ends a training by the clock, which does not stop twice after the same step"
        warnings.append({"code": "limited-by-time", "detail": detail})
    result = {
        "reproduced": found.reproduced,
        "max_abs_difference": found.max_abs_difference,
        "warnings": warnings,
        "seconds": {"total": round(time.monotonic() - began, 3)},
    }
    body = {"result": result, "tasks": [], "model": {}}
    (attempt.folder / RESULT).write_text(json.dumps(body, allow_nan=False, separators=(",", ":")))
    return {"outcome": "succeeded", "files": {"result": RESULT}}


def device_asked(training: Replayed, recorded: Mapping[str, Any] | None) -> str:
    """Return the device to ask for: ``auto`` means the CPU again where it meant the CPU before."""
    asked = training.training.device
    return "cpu" if asked == "auto" and (recorded or {}).get("device") == "cpu" else asked


def differences(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each thing in which two environments differ, by name."""
    return [
        f"{name}: expected {recorded.get(name)!r} as recorded, found {found.get(name)!r}"
        for name in sorted({*recorded, *found})
        if recorded.get(name) != found.get(name)
    ]


def compare(stored: Tensors, again: Tensors) -> Compared:
    """Compare two sets of tensors; of equal numbers −0 and 0 are not the same bits."""
    shapes = {name: tensor.shape for name, tensor in stored.items()}
    if shapes != {name: tensor.shape for name, tensor in again.items()}:
        return Compared(reproduced=False, max_abs_difference=None)
    same = all(stored[name].tobytes() == again[name].tobytes() for name in stored)
    largest = max((_distance(stored[name], again[name]) for name in stored), default=0.0)
    return Compared(reproduced=same, max_abs_difference=largest)


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max(initial=0.0))
