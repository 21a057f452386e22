"""What every network offers: a spec that builds a trunk for training and plans the same trunk in numpy for serving."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

#: ``(numeric [n, p] float32, category [n, q] int64) -> [n, h] float32``, without torch.
TrunkPlan = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.float32]]

# Small against the standardised numbers beside it: a category seen twice then adds little noise.
EMBEDDING_DEVIATION = 0.1


def embedding_width(cardinality: int) -> int:
    """The width of the vector that stands for one category of a column, 1 to 32.

    The rule of thumb min(32, 1.6 · k^0.56) for k values, after Guo and Berkhahn, *Entity Embeddings of Categorical
    Variables* (https://arxiv.org/abs/1604.06737). ``cardinality`` counts the unseen and the missing value too.
    """
    values = max(1, cardinality - 2)
    return max(1, min(32, round(1.6 * math.pow(values, 0.56))))


@dataclass(frozen=True, slots=True)
class InputShape:
    """What a trunk reads: ``numeric`` columns of numbers, and one column of indices below each of ``cardinalities``.

    image: (channels, height, width) of the image whose pixels are the first numbers, channel by channel and row by row;
    ``numeric`` counts them. A network that knows nothing of images reads them as numbers.
    """

    numeric: int
    cardinalities: tuple[int, ...] = ()
    image: tuple[int, int, int] | None = None

    @property
    def pixels(self) -> int:
        """How many of the numbers are pixels."""
        return 0 if self.image is None else math.prod(self.image)

    @property
    def embedding_widths(self) -> tuple[int, ...]:
        return tuple(embedding_width(cardinality) for cardinality in self.cardinalities)

    @property
    def width(self) -> int:
        """The numbers that enter the first layer, p + Σ embedding widths."""
        return self.numeric + sum(self.embedding_widths)


class Trunk(nn.Module, ABC):
    """The part of a network that tasks share: ``(numeric [n, p], category [n, q]) -> [n, out_features]``.

    Its forward has no control flow that depends on data, so it runs under `torch.func.functional_call` and `vmap`
    with stacked parameters.
    """

    out_features: int

    @abstractmethod
    def forward(self, numeric: Tensor, category: Tensor) -> Tensor: ...

    def batched_over_tasks(self, device: torch.device) -> bool:  # noqa: ARG002  # linear layers: on every device
        """Whether trunks of several tasks run faster stacked (`vmap`) than one after the other.

        Measured: second-order MAML of 1-40-40-1 on one core, 25 tasks 7.9 × faster stacked, 100 tasks 18 × (benchmark T1).
        """
        return True

    def rows_at_once(self, device: torch.device) -> int | None:  # noqa: ARG002  # linear layers: as many as there are
        """How many rows a pass had better have, so that what lies between the layers stays in the cache; None: any number."""
        return None


class NetworkSpec(BaseModel, ABC):
    """What a user says of a network."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Whether several trunks may compute as one, their parameters stacked under ``vmap``, each row by itself also in
    #: training; such a network's `plan` reads stacked arrays too.
    stackable: ClassVar[bool] = True

    def alone(self) -> Self:
        """The same network, which answers a row as if no other were asked with it, as every one that a job trains does."""
        return self

    @abstractmethod
    def out_features(self, inputs: InputShape) -> int:
        """h, the width of the representation that heads read."""

    def misfit(self, inputs: InputShape) -> str | None:  # noqa: ARG002  # most networks read whatever comes
        """What keeps the network from reading these inputs, as one sentence; null when nothing does.

        `build`, `parameters` and `out_features` are asked only where nothing does.
        """
        return None

    def activations(self, inputs: InputShape) -> int:
        """How many numbers a row becomes on its way through the network, at most: inputs and two layers."""
        return inputs.width + 2 * self.out_features(inputs)

    @abstractmethod
    def build(self, inputs: InputShape) -> Trunk:
        """Return a freshly initialised trunk; its randomness is torch's global generator."""

    @abstractmethod
    def plan(self, state: Mapping[str, NDArray[np.float32]]) -> TrunkPlan:
        """Return the inference of a trained trunk in numpy; ``state`` holds the arrays of its ``state_dict``.

        Of several trunks at once, of a network that is ``stackable``, these arrays have further dimensions in front; then
        the rows have them too, and both are broadcast against each other.
        """

    @abstractmethod
    def parameters(self, inputs: InputShape) -> int:
        """How many numbers a trunk learns, without building it."""


class Feedforward(Trunk):
    """Embeddings beside the numbers, then linear layers, each followed by ReLU and dropout when ``activation``."""

    def __init__(self, inputs: InputShape, widths: Sequence[int], *, activation: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.out_features = widths[-1]
        self.activation = activation
        self.dropout = dropout
        # Index 0, an unseen value or a cell that a source lacks, stays the zero vector: the mean of the others' start.
        self.embeddings = nn.ModuleList(
            nn.Embedding(cardinality, width, padding_idx=0)
            for cardinality, width in zip(inputs.cardinalities, inputs.embedding_widths, strict=True)
        )
        self.layers = nn.ModuleList(nn.Linear(fan_in, fan_out) for fan_in, fan_out in pairwise([inputs.width, *widths]))
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                # He et al., *Delving Deep into Rectifiers* (https://arxiv.org/abs/1502.01852), eq. 10; gain 1 without ReLU.
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu" if self.activation else "linear")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=EMBEDDING_DEVIATION)
                with torch.no_grad():
                    module.weight[0] = 0.0

    def forward(self, numeric: Tensor, category: Tensor) -> Tensor:
        """Return the representation ``[n, h]`` of ``numeric`` ``[n, p]`` and ``category`` ``[n, q]``."""
        z = numeric
        if len(self.embeddings):
            z = torch.cat([numeric, *(embed(category[:, j]) for j, embed in enumerate(self.embeddings))], dim=1)
        for layer in self.layers:
            z = layer(z)
            if self.activation:
                z = functional.relu(z)
                if self.dropout:
                    z = functional.dropout(z, self.dropout, self.training)
        return z


def feedforward_plan(state: Mapping[str, NDArray[np.float32]], layers: int, *, activation: bool) -> TrunkPlan:
    """Return the inference of a trained `Feedforward` of so many ``layers``."""
    embeddings = sum(name.startswith("embeddings.") for name in state)
    tables = [state[f"embeddings.{j}.weight"] for j in range(embeddings)]
    steps = [
        (np.ascontiguousarray(state[f"layers.{i}.weight"].swapaxes(-1, -2)), state[f"layers.{i}.bias"][..., None, :])
        for i in range(layers)
    ]

    def forward(numeric: NDArray[np.float32], category: NDArray[np.int64]) -> NDArray[np.float32]:
        z: NDArray[Any] = numeric
        if tables:
            looked = [_looked_up(table, category[..., j]) for j, table in enumerate(tables)]
            if numeric.ndim > 2:
                numeric = np.broadcast_to(numeric, (*looked[0].shape[:-1], numeric.shape[-1]))
            z = np.concatenate([numeric, *looked], axis=-1)
        for weight, bias in steps:
            z = z @ weight
            z += bias
            if activation:
                np.maximum(z, 0.0, out=z)
        return z

    return forward


def _looked_up(table: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return ``[…, n, width]`` of tables ``[…, k, width]`` at ``index`` ``[…, n]``."""
    if table.ndim == 2:
        return table[index]
    return np.take_along_axis(table, index[..., None], axis=-2)


def feedforward_parameters(inputs: InputShape, widths: Sequence[int]) -> int:
    """How many numbers a `Feedforward` learns."""
    tables = sum(k * width for k, width in zip(inputs.cardinalities, inputs.embedding_widths, strict=True))
    return tables + sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise([inputs.width, *widths]))
