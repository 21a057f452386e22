"""The training loop of a shared model: epochs, early stopping, checkpoints, and what stops it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.errors import TrainingDiverged
from learning.losses import TaskLosses, add_penalty_gradient, weights_of
from learning.multitask.balancing.base import BalancingSpec
from learning.multitask.sharing.base import SharedModel
from learning.parts import TrainingSpec
from worker.training import checkpoint
from worker.training.batches import Batch, batches, epoch_order, epoch_seed
from worker.training.checkpoint import Checkpoint, TrainingState
from worker.training.optimizers import build_optimizer, set_learning_rate
from worker.training.progress import Channel, Progress, StopReason


@dataclass(frozen=True)
class Data:
    """Rows of both sides, and the K losses of a step.

    objectives: their names. weights: ``[K]``. validation_objective: ``[n, J]`` int64, which loss each validation label
    belongs to, −1 for none.
    """

    train: Batch
    validation: Batch
    validation_objective: Tensor
    objectives: tuple[str, ...]
    weights: Tensor


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints go, and those of earlier attempts, newest first."""

    folder: Path
    attempt: int
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class Fitted:
    """The weights to keep, how far training came, and why it stopped early, if it was told to."""

    best: dict[str, Tensor]
    state: TrainingState
    stopped: StopReason | None


def fit(
    model: SharedModel,
    data: Data,
    *,
    training: TrainingSpec,
    balancing: BalancingSpec,
    losses: TaskLosses,
    seed: int,
    checkpoints: Checkpoints,
    channel: Channel,
    progress: Progress,
) -> Fitted:
    """Train ``model`` and return its best weights by validation loss (the last ones without validation rows).

    Resumes from the newest readable checkpoint; the resumed run equals the uninterrupted one bit for bit on one CPU.

    Raises:
        TrainingDiverged: the loss left the finite numbers.
    """
    optimizer = build_optimizer(model, training)
    penalised = weights_of(model)
    state, best = TrainingState(), snapshot(model)
    if (found := checkpoint.load_newest(checkpoints.earlier, device=data.weights.device)) is not None:
        checkpoint.restore(found, model, optimizer)
        state, best = found.state, dict(found.best)
        channel.resumed(state.step)
    began = time.monotonic() - state.elapsed_seconds
    saved = time.monotonic()

    def save() -> None:
        nonlocal saved
        saved = time.monotonic()
        progress.flush()
        parts = Checkpoint(state, model.state_dict(), best, checkpoint.optimizer_tensors(optimizer))
        path, sha256 = checkpoint.save(parts, checkpoints.folder, attempt=checkpoints.attempt)
        channel.checkpoint(state.step, str(path), sha256)

    stopped: StopReason | None = None
    while not state.finished:
        set_learning_rate(optimizer, training, state.epoch)
        torch.manual_seed(epoch_seed(seed, state.epoch))
        total = torch.zeros_like(data.weights)
        steps = 0
        model.train()
        for batch in _epoch(data.train, training, seed=seed, epoch=state.epoch):
            values = losses(model(batch.numeric, batch.category, batch.group), batch.labels, batch.group)
            optimizer.zero_grad(set_to_none=True)
            balancing.backward(values, data.weights, model)
            add_penalty_gradient(penalised, l1=training.l1, l2=training.l2)
            optimizer.step()
            total += values.detach()
            steps += 1
            if (stopped := channel.stop) in ("cancel", "keep_best"):
                return Fitted(best if state.epoch else snapshot(model), state, stopped)
        step = state.step + steps
        train_losses, validation_losses = (total / steps), _validation(model, data, losses)
        monitored = train_losses if validation_losses is None else validation_losses
        loss = float((monitored * data.weights).sum())
        if not np.isfinite(loss) or not bool(torch.isfinite(train_losses).all()):
            raise TrainingDiverged(step)
        if improved := validation_losses is None or loss < state.best_loss:
            best = snapshot(model)
        state = advance(
            state, step=step, loss=loss, improved=improved, training=training, elapsed=time.monotonic() - began
        )
        progress.record(_points(data, train_losses, validation_losses, step))
        progress.advance(
            state.epoch / training.epochs,
            epoch=state.epoch,
            epochs=training.epochs,
            step=step,
            metrics={"train/loss": float((train_losses * data.weights).sum()), "validation/loss": loss}
            if validation_losses is not None
            else {"train/loss": loss},
        )
        if channel.stop == "preempt":
            save()
            return Fitted(best, state, "preempt")
        if checkpoint.due(time.monotonic() - saved):
            save()
    if state.elapsed_seconds >= checkpoint.SECONDS_APART:
        save()  # the baselines come next: an attempt that dies in them need not train again
    return Fitted(best, state, stopped)


def advance(
    state: TrainingState, *, step: int, loss: float, improved: bool, training: TrainingSpec, elapsed: float
) -> TrainingState:
    """Return the state after one more epoch: the pure decision of when training has finished."""
    epoch = state.epoch + 1
    if improved:
        state = replace(state, best_epoch=epoch, best_loss=loss)
    patient = training.patience is None or epoch - state.best_epoch < training.patience
    in_time = training.max_seconds is None or elapsed < training.max_seconds
    finished = epoch >= training.epochs or not patient or not in_time
    return replace(state, epoch=epoch, step=step, elapsed_seconds=elapsed, finished=finished)


def snapshot(model: SharedModel) -> dict[str, Tensor]:
    """Return a copy of the weights that further steps do not touch."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _epoch(rows: Batch, training: TrainingSpec, *, seed: int, epoch: int) -> Iterator[Batch]:
    generator = torch.Generator().manual_seed(epoch_seed(seed, epoch))
    order = epoch_order(len(rows), generator=generator)
    return batches(rows, order, size=training.batch_size)


_VALIDATION_ROWS = 8192


@torch.no_grad()
def _validation(model: SharedModel, data: Data, losses: TaskLosses) -> Tensor | None:
    """Return the mean loss ``[K]`` of each objective over its validation rows, or None without such rows."""
    rows = data.validation
    if not len(rows):
        return None
    model.eval()
    total, count = torch.zeros_like(data.weights), torch.zeros_like(data.weights)
    for start in range(0, len(rows), _VALIDATION_ROWS):
        part = rows.slice(start, start + _VALIDATION_ROWS)
        objective = data.validation_objective[start : start + _VALIDATION_ROWS]
        present = torch.bincount(objective[objective >= 0], minlength=len(count)).to(count.dtype)
        total += losses(model(part.numeric, part.category, part.group), part.labels, part.group) * present
        count += present
    return total / count.clamp(min=1.0)


def _points(
    data: Data, train: Tensor, validation: Tensor | None, step: int
) -> list[dict[str, str | int | float | None]]:
    series: dict[str, NDArray[np.float32]] = {"train/loss": train.cpu().numpy()}
    if validation is not None:
        series["validation/loss"] = validation.cpu().numpy()
    weights = data.weights.cpu().numpy()
    points: list[dict[str, str | int | float | None]] = []
    for name, values in series.items():
        points.append({"name": name, "task": None, "step": step, "value": float(values @ weights)})
        if len(data.objectives) > 1:
            points += [
                {"name": name, "task": task, "step": step, "value": float(value)}
                for task, value in zip(data.objectives, values, strict=True)
            ]
    return points
