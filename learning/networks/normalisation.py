"""Batch normalisation, and whose statistics it uses: running ones, or for a while those of the rows at hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-5
MOMENTUM = 0.1


@dataclass(frozen=True, slots=True)
class _Statistics:
    rows: int | None
    seen: dict[nn.Module, tuple[Tensor, Tensor]] | None


# Of the caller, not of the layer: a model that serves several threads stays as it is.
_statistics: ContextVar[_Statistics | None] = ContextVar("statistics", default=None)
_stacked: ContextVar[bool] = ContextVar("stacked", default=False)


class Normalisation(nn.Module):
    """(z − μ) / √(σ² + ε) · γ + β for each channel, over the rows and all their positions.

    Ioffe and Szegedy, *Batch Normalization* (https://arxiv.org/abs/1502.03167), algorithm 1; σ² is divided by n, not n − 1.
    In training μ and σ² are the batch's, and the running ones follow them by a tenth a step (σ² as divided by n − 1, as
    torch does and algorithm 2 says); in evaluation they are the running ones. Inside `statistics` they are the batch's in
    either mode, and nothing is remembered. A batch of one number a channel, which has no σ², is normalised by the running
    ones.

    Unlike torch's layer it counts no batches, so that all of its state is float32.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, z: Tensor) -> Tensor:
        """Return the normalised ``z`` ``[n, channels, …]``."""
        wanted = _statistics.get()
        alone = z.numel() == len(self.weight)
        if wanted is None:
            mean, variance = self.running_mean, self.running_var
            learns = self.training and not alone
            return functional.batch_norm(z, mean, variance, self.weight, self.bias, learns, MOMENTUM, EPSILON)
        if wanted.rows is None and wanted.seen is None and not (alone or _stacked.get()):
            return functional.batch_norm(z, None, None, self.weight, self.bias, training=True, eps=EPSILON)
        return self._by_rows(z, wanted)

    def _by_rows(self, z: Tensor, wanted: _Statistics) -> Tensor:
        """By the statistics of the first rows. Gradients pass through them, which torch's layer does not offer."""
        over = [0, *range(2, z.dim())]
        if z[: wanted.rows].numel() == z.shape[1]:
            mean, variance = self.running_mean, self.running_var
        else:
            variance, mean = torch.var_mean(z[: wanted.rows], over, correction=0)
        if wanted.seen is not None:
            wanted.seen[self] = (mean, variance)
        shape = (1, -1, *(1 for _ in over[1:]))
        scale = self.weight * (variance + EPSILON).rsqrt()
        return z * scale.view(shape) + (self.bias - mean * scale).view(shape)


@contextmanager
def statistics(
    *, rows: int | None = None, seen: dict[nn.Module, tuple[Tensor, Tensor]] | None = None
) -> Iterator[None]:
    """Within, layers of normalisation use the statistics of each pass itself, and their running ones stay as they are.

    Args:
        rows: how many rows at the front of a pass the statistics are of; None: all.
        seen: receives each layer's mean ``[channels]`` and variance ``[channels]``.
    """
    token = _statistics.set(_Statistics(rows, seen))
    try:
        yield
    finally:
        _statistics.reset(token)


@contextmanager
def stacked() -> Iterator[None]:
    """Within, layers of normalisation are safe to differentiate twice under `torch.func.vmap`.

    torch 2.13's fused layer is not: its second derivatives are off by about a hundredth there, and exact without vmap.
    """
    token = _stacked.set(True)
    try:
        yield
    finally:
        _stacked.reset(token)


def normalises(module: nn.Module) -> bool:
    """Whether there is a layer of normalisation within."""
    return any(isinstance(layer, Normalisation) for layer in module.modules())
