"""What every way of sharing offers: a spec that builds the model for training and plans it in numpy for serving."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from learning.networks.base import InputShape, NetworkSpec
from learning.tasks import Layout


class SharedModel(nn.Module, ABC):
    """Tasks over a common input: ``(numeric [n, p], category [n, q], group [n]) -> [n, O]`` raw outputs."""

    @abstractmethod
    def forward(self, numeric: Tensor, category: Tensor, group: Tensor | None = None) -> Tensor: ...

    @abstractmethod
    def shared_parameters(self) -> list[nn.Parameter]:
        """What every task moves."""

    @abstractmethod
    def head_parameters(self) -> list[nn.Parameter]:
        """What only a task's own loss moves."""

    def add_tie_gradient(self, row_weights: Tensor) -> None:
        """Add to the gradients what ties tasks to each other beside their losses; by default nothing does.

        Args:
            row_weights: ``[G, J]``, the factor c of one training row of each head and slot in the step's loss, which is
                Σ_t c_t Σ_i ℓ_ti; a tie of λ/2 ‖…‖² for each task is weighed alike, λ c_t/2 ‖…‖², so that λ counts rows.
        """


@torch.no_grad()
def add_gradient(parameter: nn.Parameter, gradient: Tensor, factor: float) -> None:
    """Add ``factor`` · ``gradient`` to the gradient of ``parameter``, both of its shape; a factor of 0 adds nothing."""
    if not factor:
        return
    if parameter.grad is None:
        parameter.grad = factor * gradient
    else:
        parameter.grad.add_(gradient, alpha=factor)


class ServingPlan(Protocol):
    """A trained model at inference, in numpy."""

    def per_row(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], group: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return ``[n, O]``, each row answered by the head of its own ``group`` ``[n]``; −1 is the mean head."""

    def per_group(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], groups: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        """Return ``[n, O]`` for each of ``groups``: every row answered by each of these heads."""


class SharingSpec(BaseModel, ABC):
    """What a user says of the way to share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def misfit(self, network: NetworkSpec) -> str | None:  # noqa: ARG002  # most share whatever network
        """What keeps tasks from sharing this network so, as one sentence; null when nothing does."""
        return None

    @abstractmethod
    def build(
        self, network: NetworkSpec, inputs: InputShape, layout: Layout, *, rows: Tensor | None = None
    ) -> SharedModel:
        """Return a freshly initialised model; ``rows`` ``[G, J]`` are the labelled training rows of each head and slot."""

    @abstractmethod
    def plan(self, network: NetworkSpec, state: Mapping[str, NDArray[np.float32]], layout: Layout) -> ServingPlan:
        """Return the inference of a trained model; ``state`` holds the arrays of its ``state_dict``."""

    @abstractmethod
    def parameters(self, network: NetworkSpec, inputs: InputShape, layout: Layout) -> int:
        """How many numbers a model learns, without building it."""
