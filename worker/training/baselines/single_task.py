"""The same network for one task alone: what the user would have got without sharing, under several seeds.

All trainings of a job run side by side (`Stack`), each as it would run by itself: its own initial weights and row
order, batches of the job's size, early stopping on its own validation rows, and the best epoch's weights in the end.
A member that stopped leaves the stack, so the others do not pay for it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.encoding import Encoded
from learning.losses import add_penalty_gradient, pointwise, weights_of
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape, NetworkSpec
from learning.predictor import meaning
from learning.specs import TrainingSpec
from learning.tasks import Layout, Slot
from worker.training.baselines.members import Member, Orders, Padded, chunks, label_weights, member_seed
from worker.training.baselines.stacked import Stack, initialised
from worker.training.optimizers import build_optimizer, set_learning_rate
from worker.training.task_data import Part, TaskData

#: Compact the stack when this share of its members has stopped: copying costs about a step.
_COMPACT_AT = 0.2
#: The most numbers that an evaluation may hold as activations at a time.
_MOST_EVALUATED = 32_000_000


class Stopped(Exception):
    """The caller's ``stop`` said so; nothing of the baselines is left."""


@dataclass(frozen=True, eq=False)
class Alone:
    """How to train a task alone: the job's network and training, on its encoded features.

    seed: the job's. repeats: seeds per task. stop: asked at every step, ends all with `Stopped`. progress:
    told the fraction done, 0 to 1.
    """

    network: NetworkSpec
    inputs: InputShape
    training: TrainingSpec
    seed: int
    repeats: int
    device: torch.device
    stop: Callable[[], bool]
    progress: Callable[[float], None]


def single_task(encoded: Encoded, tasks: Sequence[TaskData], how: Alone) -> list[list[NDArray[np.float64]]]:
    """Train every task alone, ``how.repeats`` times, and return its outputs on its test rows.

    Args:
        encoded: the features of all rows of the job.
        tasks: with one training row at least.

    Returns:
        For each task, for each repeat: ``[m]`` predictions in raw units or probabilities of class 1, or
        ``[m, classes]`` probabilities, m the task's test rows.

    Raises:
        Stopped: ``how.stop()`` returned true.
    """
    numeric = torch.from_numpy(np.ascontiguousarray(encoded.numeric)).to(how.device)
    category = torch.from_numpy(np.ascontiguousarray(encoded.category)).to(how.device)
    planned = chunks(
        tasks,
        seeds=how.repeats,
        batch_size=how.training.batch_size,
        parameters=how.network.parameters(how.inputs),
        activations=how.network.activations(how.inputs),
        together=how.network.stackable,
    )
    outputs: list[list[NDArray[np.float64]]] = [[] for _ in tasks]
    done = 0
    with torch.random.fork_rng(devices=[how.device] if how.device.type == "cuda" else []):
        for chunk in planned:
            # dropout draws from torch's own generator, for all members of a chunk together
            torch.manual_seed(member_seed(how.seed, done, "dropout"))
            trained = _Trained(chunk, tasks, numeric, category, how)
            for epoch in range(how.training.epochs):
                how.progress((done + len(chunk) * epoch / how.training.epochs) / (len(tasks) * how.repeats))
                if not trained.epoch(epoch):
                    break
            for member, output in zip(chunk, trained.outputs(), strict=True):
                outputs[member.task].append(output)
            done += len(chunk)
    how.progress(1.0)
    return outputs


class _Trained:
    """A chunk of members in training: `epoch` until it returns False, then `outputs`."""

    def __init__(
        self, chunk: Sequence[Member], tasks: Sequence[TaskData], numeric: Tensor, category: Tensor, how: Alone
    ) -> None:
        self._numeric, self._category, self._how = numeric, category, how
        self._data = [tasks[member.task] for member in chunk]
        self._form = self._data[0]
        self._scales = [task.scale for task in self._data]
        seeds = [member_seed(how.seed, member.seed, tasks[member.task].name) for member in chunk]
        self._stack = Stack(initialised(self._build, seeds), how.device)
        self._optimizer = build_optimizer(self._stack, how.training)
        self._train = self._padded([task.train for task in self._data])
        self._validation = self._padded([task.validation for task in self._data])
        self._orders = Orders([len(task.train) for task in self._data], seeds, how.training.batch_size)
        self._best = self._stack.copy()
        self._lowest = torch.full((len(chunk),), torch.inf, device=how.device)
        self._waited = torch.zeros(len(chunk), dtype=torch.int64, device=how.device)
        self._ended = torch.zeros(len(chunk), dtype=torch.bool, device=how.device)
        # the chunk's members that are still in the stack, by their place in the chunk
        self._members = torch.arange(len(chunk), device=how.device)

    def epoch(self, epoch: int) -> bool:
        """Train every member for one epoch and keep its best; return whether any member goes on."""
        set_learning_rate(self._optimizer, self._how.training, epoch)
        for batch in self._batches():
            if self._how.stop():
                raise Stopped
            self._step(batch)
        return self._check()

    def outputs(self) -> list[NDArray[np.float64]]:
        """Return each member's outputs on its test rows, by the weights of its best epoch."""
        raw = self._evaluated(self._padded([task.test for task in self._data]), self._best)
        return [
            scale.back(meaning(task.type, output[: len(task.test)].cpu().numpy()))
            for task, scale, output in zip(self._data, self._scales, raw, strict=True)
        ]

    def _build(self) -> nn.Module:
        layout = Layout(1, (Slot(self._form.type, self._form.units),))
        return Hard().build(self._how.network, self._how.inputs, layout)

    def _padded(self, parts: Sequence[Part]) -> Padded:
        labels = [scale.forth(part.labels) for scale, part in zip(self._scales, parts, strict=True)]
        weights = [
            label_weights(task, part.labels, self._how.training.class_weight)
            for task, part in zip(self._data, parts, strict=True)
        ]
        return Padded.of(parts, labels, weights, self._how.device)

    def _batches(self) -> Iterator[Padded]:
        if self._orders.steps == 1:
            yield self._train
            return
        places = self._orders.epoch(self._train.rows.shape[1]).to(self._how.device)
        for start in range(0, places.shape[1], self._orders.batch):
            yield self._train.take(places[:, start : start + self._orders.batch])

    def _step(self, batch: Padded) -> None:
        outputs = self._stack.learn(self._numeric[batch.rows], self._category[batch.rows])
        losses = self._losses(outputs, batch)
        self._optimizer.zero_grad()
        # members share no parameter: the gradient of the sum is each member's own
        torch.autograd.backward(losses.sum())
        self._stack.still_padding()
        if self._how.training.l1:  # l2 is in the optimiser's kernel
            add_penalty_gradient(weights_of(self._stack), l1=self._how.training.l1, l2=0.0)
        self._optimizer.step()

    def _losses(self, outputs: Tensor, part: Padded) -> Tensor:
        # rows of members beside each other are rows
        cells = pointwise(self._form.type, self._form.loss, outputs.flatten(0, 1), part.labels.reshape(-1, 1))
        sums = (cells.view_as(part.labels) * part.weights).sum(1)
        return sums / part.weights.sum(1).clamp(min=torch.finfo(sums.dtype).tiny)

    def _evaluated(self, part: Padded, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return raw outputs ``[M, n, O]``, computed a block of rows at a time."""
        members, rows = part.rows.shape
        block = max(1, _MOST_EVALUATED // max(1, members * self._how.network.activations(self._how.inputs)))
        starts = range(0, max(1, rows), block)
        pieces = [part.rows[:, start : start + block] for start in starts]
        outputs = [self._stack.answer(parameters, self._numeric[piece], self._category[piece]) for piece in pieces]
        return torch.cat(outputs, dim=1)

    def _check(self) -> bool:
        """Keep the weights of members that improved, mark those that waited too long; return whether any goes on."""
        losses = self._losses(self._evaluated(self._validation, self._stack.state()), self._validation)
        # a loss that is no number is not better; without validation rows the last sound weights stand
        unchecked = self._validation.weights.sum(1) == 0
        better = losses < self._lowest
        if unchecked.any():
            better = torch.where(unchecked, self._stack.sound(), better)
        # a member that ended while others go on must not come back to life
        better &= ~self._ended
        improved = better.nonzero().squeeze(1)
        self._lowest[improved] = losses[improved]
        for name, tensor in self._stack.state().items():
            self._best[name][self._members[improved]] = tensor.detach()[improved]
        self._waited = torch.where(better, 0, self._waited + 1)
        if self._how.training.patience is not None:
            self._ended |= self._waited >= self._how.training.patience
        going = (~self._ended).nonzero().squeeze(1)
        if 0 < len(going) <= (1 - _COMPACT_AT) * len(self._members):
            self._keep(going)
        return len(going) > 0

    def _keep(self, going: Tensor) -> None:
        self._stack.keep(going, self._optimizer)
        self._orders.keep(going.tolist())
        self._train, self._validation = self._train.keep(going), self._validation.keep(going)
        self._members, self._lowest = self._members[going], self._lowest[going]
        self._waited, self._ended = self._waited[going], self._ended[going]
