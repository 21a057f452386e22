"""A job's trainings, each under a seed of its own: the first is the model, the others are asked the test rows.

Repeat 0 is the training that a job without repeats runs, bit for bit. Of every other repeat only its answers on the test
rows are kept; they travel in the checkpoints, so a resumed attempt repeats no training that was over. On one split they
say how much the seed decides; `worker.training.folds` lays the folds of a cross-validation over them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.specs import TrainingSpec
from worker.training import checkpoint
from worker.training.checkpoint import TrainingState
from worker.training.fitting import Checkpoints, Part
from worker.training.progress import StopReason
from worker.training.rounds import Fitted

Outputs = Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Repeated:
    """What the trainings came to.

    best: the weights to store, repeat 0's. others: what each further repeat that came to its end answers on its test
    rows, by task. state: how far training came, counted over all repeats.
    """

    best: Mapping[str, Tensor]
    others: tuple[Outputs, ...]
    state: TrainingState
    stopped: StopReason | None


def repeated(
    repeats: int,
    train: Callable[[Part, Checkpoints], Fitted],
    answers: Callable[[int, Mapping[str, Tensor]], Outputs],
    *,
    checkpoints: Checkpoints,
    device: torch.device,
) -> Repeated:
    """Train ``repeats`` times, or until told to stop, going on where the newest readable checkpoint ends.

    Args:
        train: one training of a job; resumes from the checkpoints it is given.
        answers: what the weights of a repeat answer on its test rows.
    """
    found = checkpoint.load_newest(checkpoints.earlier, device=device) if repeats > 1 else None
    left = dict(found.left) if found else {}
    begin = TrainingState() if found is None else found.state
    while True:
        fitted = train(Part(begin, repeats, left), checkpoints)
        first = fitted.best if begin.repeat == 0 else _first(left)
        if fitted.stopped or begin.repeat + 1 == repeats:
            over = fitted.stopped is None and begin.repeat > 0
            others = [*_others(left), *([answers(begin.repeat, fitted.best)] if over else [])]
            return Repeated(first, tuple(others), fitted.state, fitted.stopped)
        if begin.repeat == 0:
            left = {f"first/{name}": tensor for name, tensor in fitted.best.items()}
        else:
            left |= _packed(begin.repeat, answers(begin.repeat, fitted.best))
        begin, checkpoints = after(fitted.state), Checkpoints(checkpoints.folder, checkpoints.attempt, ())


def after(state: TrainingState) -> TrainingState:
    """Return where the repeat after this one begins: steps and seconds go on, epochs begin again."""
    return TrainingState(
        repeat=state.repeat + 1,
        step=state.step,
        elapsed_seconds=state.elapsed_seconds,
        began_seconds=state.elapsed_seconds,
        longest=max(state.longest, state.epoch),
        out_of_time=state.out_of_time,
    )


def limited(training: TrainingSpec, part: Part) -> TrainingSpec:
    """Return the training with ``max_seconds`` as the end of this repeat: an equal share of what the others left."""
    if training.max_seconds is None:
        return training
    began = part.begin.began_seconds
    share = (training.max_seconds - began) / (part.of - part.begin.repeat)
    return training.model_copy(update={"max_seconds": began + share})


def budget(training: TrainingSpec, reached: TrainingState) -> TrainingSpec:
    """Return the training that a rival may have: where the time ran out, no more epochs than the shared model had."""
    if not reached.out_of_time:
        return training
    return training.model_copy(update={"epochs": max(reached.epoch, reached.longest)})


def _first(left: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("first/"): tensor for name, tensor in left.items() if name.startswith("first/")}


def _others(left: Mapping[str, Tensor]) -> list[Outputs]:
    found: dict[int, dict[int, NDArray[np.float64]]] = {}
    for name, tensor in left.items():
        if name.startswith("outputs/"):
            _, repeat, form = name.split("/")
            tasks, rows = left[f"tasks/{repeat}/{form}"].cpu().numpy()
            pieces = np.split(tensor.cpu().numpy(), np.cumsum(rows)[:-1])
            found.setdefault(int(repeat), {}).update(zip(tasks.tolist(), pieces, strict=True))
    return [found[repeat] for repeat in sorted(found)]


def _packed(repeat: int, said: Outputs) -> dict[str, Tensor]:
    """Return the answers of a repeat as few tensors: a checkpoint shall not hold one for each of thousands of tasks.

    Those of one form, a number a row or so many classes, are joined; ``tasks`` ``[2, T]`` holds whose they are and how
    many rows each has.
    """
    forms: dict[str, list[int]] = {}
    for task in sorted(said):
        forms.setdefault("x".join(map(str, said[task].shape[1:])) or "value", []).append(task)
    packed: dict[str, Tensor] = {}
    for form, tasks in forms.items():
        packed[f"tasks/{repeat}/{form}"] = torch.tensor([tasks, [len(said[task]) for task in tasks]])
        packed[f"outputs/{repeat}/{form}"] = torch.from_numpy(np.concatenate([said[task] for task in tasks]))
    return packed
