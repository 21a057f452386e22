"""Rows as tensors on the device, and the order in which an epoch visits them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor

#: Numbers beyond which an epoch's rows are not gathered at once: 128 MiB.
_MOST_GATHERED = 1 << 25


@dataclass(frozen=True)
class Batch:
    """Encoded rows with their labels; every field has the rows first.

    numeric ``[n, p]`` float32; category ``[n, q]`` int64; group ``[n]`` int64, the head row; labels ``[n, j]`` float32,
    NaN where a task has none.
    """

    numeric: Tensor
    category: Tensor
    group: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> Self:
        """Return the rows at the indices ``rows`` ``[m]``."""
        return type(self)(*(getattr(self, f.name).index_select(0, rows) for f in fields(self)))

    def slice(self, start: int, end: int) -> Self:
        """Return rows ``start`` to ``end`` as views."""
        return type(self)(*(getattr(self, f.name)[start:end] for f in fields(self)))

    def to(self, device: torch.device) -> Self:
        return type(self)(*(getattr(self, f.name).to(device) for f in fields(self)))


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of everything random in an epoch, so that a resumed run repeats it without stored state."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def weights_seed(seed: int) -> int:
    """Return the seed of the weights' first values."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> np.uint64(1))


def repeat_seed(seed: int, repeat: int) -> int:
    """Return the seed of one of a job's repeats: the job's own for the first, a child of it for every other."""
    return seed if repeat == 0 else int(np.random.SeedSequence(seed, spawn_key=(repeat,)).generate_state(1)[0])


def epoch_order(rows: int, *, generator: torch.Generator) -> Tensor:
    """Return the row indices ``[n]`` of one epoch: every row once, so tasks come in proportion to their rows."""
    return torch.randperm(rows, generator=generator)


def batches(rows: Batch, order: Tensor, *, size: int) -> Iterator[Batch]:
    """Yield the rows in ``order``, ``size`` at a time.

    They are gathered once an epoch: a slice of the gathered rows is a view, where a gather per batch is not. Rows of many
    numbers, as images are, are gathered batch by batch: twice all of them would fill the memory.
    """
    order = order.to(rows.labels.device)
    if rows.numeric.numel() > _MOST_GATHERED:
        for chosen in torch.split(order, size):
            yield rows.take(chosen)
        return
    gathered = rows.take(order)
    for start in range(0, len(rows), size):
        yield gathered.slice(start, start + size)
