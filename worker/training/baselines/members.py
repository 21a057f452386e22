"""Which single-task trainings run together, and the rows that each of them reads."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from worker.training.task_data import Part, TaskData

#: The most numbers that one chunk of members may hold as parameters, and as rows of a batch with their activations.
_MOST_PARAMETERS = 2_000_000
_MOST_ACTIVATIONS = 16_000_000
#: Members of one chunk are padded to the longest; no more than this share of the rows is padding.
_MOST_PADDING = 0.25


@dataclass(frozen=True)
class Member:
    """One training: the task at this index, under the seed at this index."""

    task: int
    seed: int


def member_seed(seed: int, repeat: int, name: str) -> int:
    """Return the seed of one training; it depends on nothing but the job, the repeat and the task."""
    sequence = np.random.SeedSequence([seed, repeat, zlib.crc32(name.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def chunks(
    tasks: Sequence[TaskData],
    *,
    seeds: int,
    batch_size: int,
    parameters: int,
    activations: int,
    together: bool = True,
) -> list[list[Member]]:
    """Return the trainings in chunks that run together.

    Members of a chunk share their output's form, their loss and the number of batches in an epoch, and have nearly as
    many rows as each other.

    Args:
        parameters: numbers that one member learns. activations: numbers that one row of one member becomes.
        together: false for a network that cannot be stacked: every member is a chunk, and none has padding.
    """
    order = sorted(range(len(tasks)), key=lambda index: (_form(tasks[index], batch_size), len(tasks[index].train)))
    found: list[list[Member]] = []
    for index in order:
        for repeat in range(seeds):
            if not found or not together or not _fits(tasks, found[-1], index, batch_size, parameters, activations):
                found.append([])
            found[-1].append(Member(index, repeat))
    return found


def _form(task: TaskData, batch_size: int) -> tuple[str, str, int, int]:
    return task.type, task.loss, task.units, -(-len(task.train) // batch_size)


def _fits(
    tasks: Sequence[TaskData], chunk: list[Member], index: int, batch_size: int, parameters: int, activations: int
) -> bool:
    first, task = tasks[chunk[0].task], tasks[index]
    batch = min(len(task.train), batch_size)
    return (
        _form(first, batch_size) == _form(task, batch_size)
        # ascending: the first member is the shortest
        and (len(first.train) > batch_size or len(first.train) >= (1 - _MOST_PADDING) * len(task.train))
        and (len(chunk) + 1) * parameters <= _MOST_PARAMETERS
        and (len(chunk) + 1) * batch * activations <= _MOST_ACTIVATIONS
    )


def label_weights(task: TaskData, labels: NDArray[np.float64], class_weight: str | None) -> NDArray[np.float64]:
    """Return the weight ``[n]`` of each label: 1, or when balanced, rows / (classes · rows of its class) in training."""
    if task.type == "regression" or class_weight is None or len(task.train) == 0:
        return np.ones(len(labels))
    counts = np.bincount(task.train.labels.astype(np.int64), minlength=task.classes)
    weights = len(task.train) / (task.classes * np.maximum(counts, 1.0))
    return weights[labels.astype(np.int64)]


@dataclass(frozen=True, eq=False)
class Padded:
    """One part of the split of M members: rows ``[M, n]``, labels ``[M, n]`` and weights ``[M, n]``, 0 for padding."""

    rows: Tensor
    labels: Tensor
    weights: Tensor

    @classmethod
    def of(
        cls,
        parts: Sequence[Part],
        labels: Sequence[NDArray[np.float64]],
        weights: Sequence[NDArray[np.float64]],
        device: torch.device,
    ) -> Self:
        """Return the parts side by side; ``labels`` and ``weights`` are their rows', as the network learns them."""
        shape = (len(parts), max(len(part) for part in parts))
        padded = cls(torch.zeros(shape, dtype=torch.int64), torch.zeros(shape), torch.zeros(shape))
        for index, part in enumerate(parts):
            padded.rows[index, : len(part)] = torch.from_numpy(part.rows)
            padded.labels[index, : len(part)] = torch.from_numpy(labels[index])
            padded.weights[index, : len(part)] = torch.from_numpy(weights[index])
        return cls(padded.rows.to(device), padded.labels.to(device), padded.weights.to(device))

    def keep(self, members: Tensor) -> Self:
        """Return the part of these ``members`` ``[k]`` alone."""
        return type(self)(self.rows[members], self.labels[members], self.weights[members])

    def take(self, places: Tensor) -> Self:
        """Return the rows at ``places`` ``[M, b]``, each member's own."""
        return type(self)(*(tensor.gather(1, places) for tensor in (self.rows, self.labels, self.weights)))


class Orders:
    """The order in which each member visits its rows, anew every epoch: ``[M, steps · batch]`` places among them.

    A member draws from a generator of its own, so its order does not depend on who trains beside it.
    """

    def __init__(self, lengths: Sequence[int], seeds: Sequence[int], batch_size: int) -> None:
        self._lengths = list(lengths)
        self._generators = [np.random.default_rng(seed) for seed in seeds]
        self.batch = min(batch_size, max(self._lengths))
        self.steps = -(-max(self._lengths) // batch_size)

    def epoch(self, width: int) -> Tensor:
        """Return the places of one epoch; past a member's own rows they are its padding, in order.

        Args:
            width: the padded number of rows.
        """
        places = np.tile(np.arange(width), (len(self._lengths), 1))
        for row, length, generator in zip(places, self._lengths, self._generators, strict=True):
            row[:length] = generator.permutation(length)
        return torch.from_numpy(places)

    def keep(self, members: Sequence[int]) -> None:
        """Drop all but ``members``."""
        self._lengths = [self._lengths[member] for member in members]
        self._generators = [self._generators[member] for member in members]
