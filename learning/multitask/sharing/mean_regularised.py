"""Predictors tied to their mean."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from learning.multitask.sharing.base import SharingSpec, add_gradient
from learning.multitask.sharing.hard import HardPlan
from learning.multitask.sharing.one_trunk import OneTrunk
from learning.networks.base import InputShape, NetworkSpec, Trunk
from learning.networks.heads import HeadPlan, Heads
from learning.tasks import Layout


class MeanRegularised(SharingSpec):
    """One trunk, and heads that are a common one and a small deviation: w_t = w_0 + v_t, with the penalty λ/2 Σ_t ‖v_t‖².

    Evgeniou and Pontil, *Regularized Multi-Task Learning*, KDD 2004, eqs. 2 to 4
    (https://doi.org/10.1145/1014052.1014067), whose tasks are linear: network ``linear``. Where the penalty is least,
    w_0 is the mean of the w_t, so that tasks are tied to their mean. The bias is part of w. A small task stays near the
    mean and a large one goes its own way; λ = 0 leaves hard sharing, a large λ one model for all.

    The tied tasks are the groups of a target (or the tables of listed tasks, slot by slot); with one group they are
    its targets of one type.

    Example:
        >>> from learning.networks.linear import Linear
        >>> from learning.tasks import Slot
        >>> layout = Layout(groups=139, slots=(Slot("regression", 1),))
        >>> model = MeanRegularised(strength=0.1).build(Linear(width=8), InputShape(numeric=28), layout)
        >>> model.common.weight.shape, model.heads.weight.shape
        (torch.Size([1, 8]), torch.Size([139, 1, 8]))
    """

    name: Literal["mean_regularised"] = "mean_regularised"
    strength: float = Field(
        default=1000.0,
        strict=True,
        ge=0.0,
        le=1e9,
        allow_inf_nan=False,
        description="λ, in rows: a task of many more rows than this goes its own way.",
    )

    def build(
        self, network: NetworkSpec, inputs: InputShape, layout: Layout, *, rows: Tensor | None = None
    ) -> "MeanShared":
        trunk = network.build(inputs)
        return MeanShared(trunk, Heads(layout, trunk.out_features, rows=rows), self.strength)

    def plan(self, network: NetworkSpec, state: Mapping[str, NDArray[np.float32]], layout: Layout) -> HardPlan:
        part = len("trunk.")
        trunk = network.plan({name[part:]: array for name, array in state.items() if name.startswith("trunk.")})
        of = np.array(common_rows(layout))
        weight = state["heads.weight"] + state["common.weight"][of]
        return HardPlan(
            trunk, HeadPlan(layout, weight, state["heads.bias"] + state["common.bias"][of], state["heads.rows"])
        )

    def parameters(self, network: NetworkSpec, inputs: InputShape, layout: Layout) -> int:
        common = max(common_rows(layout)) + 1
        return network.parameters(inputs) + (layout.groups * layout.units + common) * (network.out_features(inputs) + 1)


def common_rows(layout: Layout) -> list[int]:
    """Return for each of the O outputs of a head the row of w_0 that it deviates from."""
    if layout.groups > 1:
        return list(range(layout.units))
    first: dict[object, int] = {}
    rows: list[int] = []
    for slot in layout.slots:
        start = first.setdefault(slot, max(rows, default=-1) + 1)
        rows += range(start, start + slot.units)
    return rows


class MeanShared(OneTrunk):
    """``common`` is w_0, ``heads`` hold the v_t, which start at 0."""

    common_of: Tensor

    def __init__(self, trunk: Trunk, heads: Heads, strength: float) -> None:
        super().__init__(trunk, heads)
        of = torch.tensor(common_rows(heads.layout))
        self.common = nn.Linear(trunk.out_features, int(of.max()) + 1)
        self.register_buffer("common_of", of, persistent=False)
        self._strength = strength
        nn.init.zeros_(self.common.bias)
        nn.init.zeros_(heads.weight)

    def forward(self, numeric: Tensor, category: Tensor, group: Tensor | None = None) -> Tensor:
        z = self.trunk(numeric, category)
        common = functional.linear(z, self.common.weight[self.common_of], self.common.bias[self.common_of])
        outputs: Tensor = self.heads(z, group) + common
        return outputs

    @torch.no_grad()
    def begin_heads(self, weight: Tensor, bias: Tensor, known: Tensor) -> None:
        """w_0 begins as the mean of the known heads that deviate from it, so that a new head begins there."""
        counted = known.to(weight.dtype)
        rows = torch.zeros_like(self.common.bias).index_add(0, self.common_of, counted.sum(0))
        some, rows = rows > 0, rows.clamp(min=1)
        sums = (counted.unsqueeze(-1) * weight).sum(0), (counted * bias).sum(0)
        means = torch.zeros_like(self.common.weight).index_add(0, self.common_of, sums[0]) / rows.unsqueeze(-1)
        self.common.weight.copy_(torch.where(some.unsqueeze(-1), means, self.common.weight))
        means = torch.zeros_like(self.common.bias).index_add(0, self.common_of, sums[1]) / rows
        self.common.bias.copy_(torch.where(some, means, self.common.bias))
        common = self.common.weight[self.common_of], self.common.bias[self.common_of]
        super().begin_heads(weight - common[0], bias - common[1], known)

    def shared_parameters(self) -> list[nn.Parameter]:
        return [*self.trunk.parameters(), *self.common.parameters()]

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.heads.parameters())

    @torch.no_grad()
    def add_tie_gradient(self, row_weights: Tensor) -> None:
        of_unit = row_weights[:, self.heads.slot_of]
        add_gradient(self.heads.weight, of_unit.unsqueeze(-1) * self.heads.weight, self._strength)
        add_gradient(self.heads.bias, of_unit * self.heads.bias, self._strength)


METHOD = MeanRegularised
