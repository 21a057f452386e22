"""Four blocks of convolutions at inference."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from learning.networks.normalisation import EPSILON

BLOCKS = 4
#: Rows computed at a time when serving: more of them do not fit the core's cache.
ROWS_AT_A_TIME = 64


def channels_last(x: Tensor) -> Tensor:
    """The same ``[n, channels, height, width]`` with the channels of a pixel side by side, as convolutions are fastest.

    Written as a permutation, which ``vmap`` knows; no copy where they lie so already.
    """
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


class ConvolutionPlan:
    """The network at inference: torch's convolutions, with the normalisation folded into their weights."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]], *, pooling: bool, together: bool = False) -> None:
        """Args: ``together``: the rows of a pass are normalised by their own statistics.

        Raises: KeyError, ValueError: a state of another network.
        """
        self._pooling = pooling
        told = [int(side) for side in state["image"]]
        if len(told) != 3 or min(told) < 1 or told[0] != state["blocks.0.convolution.weight"].shape[1]:
            raise ValueError(f"expected an image as the first convolution reads it, found {told}")
        self._image = (told[0], told[1], told[2])
        kind, stride = _Together if together else _Folded, 1 if pooling else 2
        self._blocks = [kind(state, f"blocks.{index}", stride=stride) for index in range(BLOCKS)]
        self._rows_at_a_time = None if together else ROWS_AT_A_TIME
        embeddings = sum(name.startswith("embeddings.") for name in state)
        self._tables = [state[f"embeddings.{j}.weight"] for j in range(embeddings)]

    def __call__(self, numeric: NDArray[np.float32], category: NDArray[np.int64]) -> NDArray[np.float32]:
        pixels = math.prod(self._image)
        if numeric.shape[-1] < pixels:
            raise ValueError(f"expected {pixels} pixels first in each row, found {numeric.shape[-1]} numbers")
        images = torch.from_numpy(np.ascontiguousarray(numeric[:, :pixels])).view(-1, *self._image)
        with torch.no_grad():
            parts = [self._flat(part) for part in torch.split(images, self._rows_at_a_time or max(1, len(images)))]
        looked = [table[category[:, j]] for j, table in enumerate(self._tables)]
        return np.concatenate([torch.cat(parts).numpy(), numeric[:, pixels:], *looked], axis=1)

    def _flat(self, x: Tensor) -> Tensor:
        for block in self._blocks:
            x = functional.relu(block(channels_last(x)))
            x = functional.max_pool2d(x, 2) if self._pooling else x
        return x.flatten(1)


class _Folded:
    """One convolution that is also the normalisation behind it: γ W / √(σ² + ε), β − γ μ / √(σ² + ε)."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]], block: str, *, stride: int) -> None:
        scale, shift, mean, variance = (part.double() for part in _normalisation(state, block))
        factor = scale * (variance + EPSILON).rsqrt()
        weight = torch.from_numpy(state[f"{block}.convolution.weight"]).double() * factor.view(-1, 1, 1, 1)
        self._weight = weight.float().contiguous(memory_format=torch.channels_last)
        self._bias = (shift - mean * factor).float()
        self._stride = stride

    def __call__(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self._weight, self._bias, stride=self._stride, padding=1)


class _Together:
    """One convolution, and the normalisation behind it by the statistics of the rows at hand."""

    def __init__(self, state: Mapping[str, NDArray[np.float32]], block: str, *, stride: int) -> None:
        weight = torch.from_numpy(state[f"{block}.convolution.weight"])
        self._weight = weight.contiguous(memory_format=torch.channels_last)
        self._normalisation = _normalisation(state, block)
        self._stride = stride

    def __call__(self, x: Tensor) -> Tensor:
        z = functional.conv2d(x, self._weight, stride=self._stride, padding=1)
        scale, shift, mean, variance = self._normalisation
        if z.numel() == len(scale):  # one number a channel has no variance, as in training
            return functional.batch_norm(z, mean, variance, scale, shift, eps=EPSILON)
        return functional.batch_norm(z, None, None, scale, shift, training=True, eps=EPSILON)


def _normalisation(state: Mapping[str, NDArray[np.float32]], block: str) -> list[Tensor]:
    """Return γ, β, μ and σ² ``[channels]`` of the normalisation behind a block's convolution."""
    names = ("weight", "bias", "running_mean", "running_var")
    return [torch.from_numpy(state[f"{block}.normalisation.{name}"]) for name in names]
