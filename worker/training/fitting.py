"""The training loop of a shared model: epochs, early stopping, checkpoints, and what stops it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.errors import TrainingDiverged
from learning.losses import TaskLosses, add_penalty_gradient, weights_of
from learning.multitask.balancing.base import BalancingSpec
from learning.multitask.sharing.base import SharedModel
from learning.specs import TrainingSpec
from worker.training import checkpoint
from worker.training.batches import Batch, batches, epoch_order, epoch_seed
from worker.training.checkpoint import Checkpoint, TrainingState
from worker.training.optimizers import build_optimizer, set_learning_rate
from worker.training.progress import Channel, Progress
from worker.training.rounds import Fitted, to_the_end
from worker.training.validation import validated


@dataclass(frozen=True)
class Data:
    """Rows of both sides, and the K losses of a step.

    objectives: their names. weights: ``[K]``.
    """

    train: Batch
    validation: Batch
    objectives: tuple[str, ...]
    weights: Tensor


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints go, and those of earlier attempts, newest first."""

    folder: Path
    attempt: int
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """How to train: the spec's parts, the losses of a step, the seed of everything random."""

    training: TrainingSpec
    balancing: BalancingSpec
    losses: TaskLosses
    seed: int


@dataclass(frozen=True)
class Part:
    """Which of a job's repeats a training is: where it begins, ``of`` how many, and what those before it ``left``."""

    begin: TrainingState = field(default_factory=TrainingState)
    of: int = 1
    left: Mapping[str, Tensor] = field(default_factory=dict)


def fit(
    model: SharedModel,
    data: Data,
    recipe: Recipe,
    *,
    checkpoints: Checkpoints,
    channel: Channel,
    progress: Progress,
    part: Part | None = None,
) -> Fitted:
    """Train ``model`` and return its best weights by validation loss (the last ones without validation rows).

    Resumes from the newest readable checkpoint; the resumed run equals the uninterrupted one bit for bit on one CPU.

    Raises:
        TrainingDiverged: the loss left the finite numbers.
    """
    return to_the_end(_Run(model, data, recipe, checkpoints, channel, progress, part or Part()), channel)


class _Run:
    """What changes while a model trains."""

    def __init__(
        self,
        model: SharedModel,
        data: Data,
        recipe: Recipe,
        checkpoints: Checkpoints,
        channel: Channel,
        progress: Progress,
        part: Part,
    ) -> None:
        self._model, self._data, self._recipe = model, data, recipe
        self._checkpoints, self._channel, self._progress, self._part = checkpoints, channel, progress, part
        self._balancer = recipe.balancing.build(recipe.losses.objectives).to(data.weights.device)
        self._optimizer = build_optimizer(model, recipe.training, beside=self._balancer.parameters())
        self._penalised = weights_of(model)
        self._row_weights = recipe.losses.row_weights(data.train.labels, data.train.group, data.weights)
        self.state, self.best = part.begin, snapshot(model)
        if (found := checkpoint.load_newest(checkpoints.earlier, device=data.weights.device)) is not None:
            checkpoint.restore(found, model, self._optimizer, self._balancer)
            self.state, self.best = found.state, dict(found.best)
            channel.resumed(self.state.step)
        self.resumed_finished = self.state.finished
        self.saved = time.monotonic()
        self._began = self.saved - self.state.elapsed_seconds

    def go_on(self) -> bool:
        """An epoch; of one that is broken off the steps are dropped."""
        train_losses = self.epoch()
        if train_losses is None:
            return False
        self.close_epoch(train_losses)
        return True

    def epoch(self) -> Tensor | None:
        """Take one epoch's steps and return the mean losses ``[K]``, or None when told to stop before its end."""
        training, losses, data = self._recipe.training, self._recipe.losses, self._data
        seed = epoch_seed(self._recipe.seed, self.state.epoch)
        torch.manual_seed(seed)
        order = epoch_order(len(data.train), generator=torch.Generator().manual_seed(seed))
        set_learning_rate(self._optimizer, training, self.state.epoch)
        self._model.train()
        total, steps = torch.zeros_like(data.weights), 0
        for batch in batches(data.train, order, size=training.batch_size):
            values = losses(self._model(batch.numeric, batch.category, batch.group), batch.labels, batch.group)
            self._optimizer.zero_grad(set_to_none=True)
            self._balancer.backward(values, data.weights, self._model)
            self._model.add_tie_gradient(self._row_weights)
            if training.l1:  # l2 is in the optimiser's kernel
                add_penalty_gradient(self._penalised, l1=training.l1, l2=0.0)
            self._optimizer.step()
            total += values.detach()
            steps += 1
            if self._channel.stop in ("cancel", "keep_best"):
                return None
        self.state = replace(self.state, step=self.state.step + steps)
        return total / steps

    def close_epoch(self, train_losses: Tensor) -> None:
        """Validate, keep the best, decide whether training has finished, and report.

        Raises:
            TrainingDiverged: a loss is not finite.
        """
        data, training = self._data, self._recipe.training
        validation_losses = validated(self._model, data.validation, self._recipe.losses)
        monitored = train_losses if validation_losses is None else validation_losses
        loss = float((monitored * data.weights).sum())
        if not np.isfinite(loss) or not bool(torch.isfinite(train_losses).all()):
            raise TrainingDiverged(self.state.step)
        improved = validation_losses is None or loss < self.state.best_loss
        if improved:
            self.best = snapshot(self._model)
        elapsed = time.monotonic() - self._began
        self.state = advance(self.state, loss=loss, improved=improved, training=training, elapsed=elapsed)
        if self.state.repeat == 0:  # the series are those of the model that is stored
            self._progress.record(_points(data, train_losses, validation_losses, self.state.step))
        metrics = {"train/loss": float((train_losses * data.weights).sum())}
        epoch, epochs = self.state.repeat * training.epochs + self.state.epoch, self._part.of * training.epochs
        self._progress.advance(
            epoch / epochs,
            epoch=epoch,
            epochs=epochs,
            step=self.state.step,
            metrics=metrics if validation_losses is None else {**metrics, "validation/loss": loss},
        )

    def save(self) -> None:
        """Write a checkpoint and tell of it; points first, since a resumed run does not repeat them."""
        self.saved = time.monotonic()
        self._progress.flush()
        moments = checkpoint.optimizer_tensors(self._optimizer)
        learned = self._balancer.state_dict()
        parts = Checkpoint(self.state, self._model.state_dict(), self.best, moments, learned, self._part.left)
        path, sha256 = checkpoint.save(parts, self._checkpoints.folder, attempt=self._checkpoints.attempt)
        self._channel.checkpoint(self.state.step, str(path), sha256)


def advance(
    state: TrainingState, *, loss: float, improved: bool, training: TrainingSpec, elapsed: float
) -> TrainingState:
    """Return the state after one more epoch: the pure decision of when training has finished."""
    epoch = state.epoch + 1
    if improved:
        state = replace(state, best_epoch=epoch, best_loss=loss)
    patient = training.patience is None or epoch - state.best_epoch < training.patience
    in_time = training.max_seconds is None or elapsed < training.max_seconds
    finished = epoch >= training.epochs or not patient or not in_time
    late = state.out_of_time or not in_time
    return replace(state, epoch=epoch, elapsed_seconds=elapsed, finished=finished, out_of_time=late)


def snapshot(model: SharedModel) -> dict[str, Tensor]:
    """Return a copy of the weights that further steps do not touch."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


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
