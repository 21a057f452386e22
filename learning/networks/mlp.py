"""The multi-layer perceptron."""

from collections.abc import Mapping
from typing import Annotated, Literal

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


class Mlp(NetworkSpec):
    """Linear layers, each followed by ReLU and dropout: z_l = drop(max(0, W_l z_{l−1} + b_l)).

    Weights start as N(0, 2 / fan_in), biases at 0: He et al., *Delving Deep into Rectifiers*, eq. 10
    (https://arxiv.org/abs/1502.01852). Dropout: Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks
    from Overfitting*, JMLR 2014 (https://jmlr.org/papers/v15/srivastava14a.html), with the survivors scaled up in
    training, so that serving needs no change.

    Example:
        >>> trunk = Mlp(widths=(32, 16)).build(InputShape(numeric=3))
        >>> trunk.out_features
        16
    """

    name: Literal["mlp"] = "mlp"
    widths: tuple[Annotated[int, Field(strict=True, ge=1, le=4096)], ...] = Field(
        default=(128, 128),
        min_length=1,
        max_length=8,
        description="Units of each hidden layer, the first reads the inputs.",
    )
    dropout: float = Field(
        default=0.1,
        strict=True,
        ge=0.0,
        lt=1.0,
        allow_inf_nan=False,
        description="Share of units dropped in a training step.",
    )

    def out_features(self, inputs: InputShape) -> int:  # noqa: ARG002  # whatever it reads
        return self.widths[-1]

    def build(self, inputs: InputShape) -> Feedforward:
        return Feedforward(inputs, self.widths, activation=True, dropout=self.dropout)

    def plan(self, state: Mapping[str, NDArray[np.float32]]) -> TrunkPlan:
        return feedforward_plan(state, len(self.widths), activation=True)

    def parameters(self, inputs: InputShape) -> int:
        return feedforward_parameters(inputs, self.widths)


METHOD = Mlp
