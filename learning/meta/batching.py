"""One function for many tasks: stacked, or one after the other, whichever is faster for the network on its device."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import torch
from torch import Tensor
from torch.func import vmap

from learning.networks.base import Trunk
from learning.networks.normalisation import stacked as safely_stacked

#: Tensors of B tasks, ``[B, …]``, or several of them by name.
Stacked: TypeAlias = Tensor | Mapping[str, Tensor]
#: What one task gets and gives: the same without the dimension B.
OfTask: TypeAlias = Callable[..., dict[str, Tensor]]


def parts(trunk: Trunk, tasks: int, device: torch.device) -> Iterator[slice]:
    """All tasks at once, or each by itself: what the trunk says is faster on the device (TARGETS T1, T2)."""
    if trunk.batched_over_tasks(device):
        yield slice(0, tasks)
    else:
        yield from (slice(task, task + 1) for task in range(tasks))


def at_once(function: OfTask, *stacked: Stacked) -> dict[str, Tensor]:
    """The function's results for all tasks, stacked: `vmap`, each task with random numbers of its own.

    A single task is computed as it is, without what batching costs (convolutions would become grouped ones).
    """
    if _count(stacked[0]) == 1:
        return {name: found.unsqueeze(0) for name, found in function(*(_at(each, 0) for each in stacked)).items()}
    with safely_stacked():
        found: dict[str, Tensor] = vmap(function, randomness="different")(*stacked)
    return found


def each(trunk: Trunk, function: OfTask, *stacked: Stacked) -> dict[str, Tensor]:
    """The function's results for all tasks, stacked, by the trunk's strategy."""
    first = stacked[0] if isinstance(stacked[0], Tensor) else next(iter(stacked[0].values()))
    results = [
        at_once(function, *(_at(one, part) for one in stacked)) for part in parts(trunk, len(first), first.device)
    ]
    return results[0] if len(results) == 1 else {name: torch.cat([r[name] for r in results]) for name in results[0]}


def _count(stacked: Stacked) -> int:
    return len(stacked) if isinstance(stacked, Tensor) else len(next(iter(stacked.values())))


def _at(stacked: Stacked, place: int | slice) -> Stacked:
    if isinstance(stacked, Tensor):
        return stacked[place]
    return {name: tensor[place] for name, tensor in stacked.items()}
