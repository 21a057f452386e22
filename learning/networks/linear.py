"""The shared linear map."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from learning.networks.base import (
    Feedforward,
    InputShape,
    NetworkSpec,
    TrunkPlan,
    feedforward_parameters,
    feedforward_plan,
)


class Linear(NetworkSpec):
    """One linear map without activation, shared by all tasks: z = U x + c.

    With the tasks' heads, ŷ_t = v_t · z + b_t, so the task weights v_t U lie in a common subspace of ``width``
    dimensions: the shared linear structure of Ando and Zhang, *A Framework for Learning Predictive Structures from
    Multiple Tasks and Unlabeled Data*, JMLR 2005, eq. 2 (https://www.jmlr.org/papers/v6/ando05a.html), without their
    task-private part. A ``width`` of the number of features or more leaves the tasks free.

    Example:
        >>> trunk = Linear(width=4).build(InputShape(numeric=3))
        >>> trunk.out_features
        4
    """

    name: Literal["linear"] = "linear"
    width: int = Field(default=64, strict=True, ge=1, le=4096, description="Dimensions of the shared representation.")

    def out_features(self, inputs: InputShape) -> int:  # noqa: ARG002  # whatever it reads
        return self.width

    def build(self, inputs: InputShape) -> Feedforward:
        return Feedforward(inputs, [self.width], activation=False)

    def plan(self, state: Mapping[str, NDArray[np.float32]]) -> TrunkPlan:
        return feedforward_plan(state, 1, activation=False)

    def parameters(self, inputs: InputShape) -> int:
        return feedforward_parameters(inputs, [self.width])


METHOD = Linear
