"""Hard parameter sharing."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from learning.multitask.sharing.base import SharingSpec
from learning.multitask.sharing.one_trunk import OneTrunk
from learning.networks.base import InputShape, NetworkSpec, TrunkPlan
from learning.networks.heads import HeadPlan, Heads
from learning.tasks import Layout


class Hard(SharingSpec):
    """One trunk for all tasks, one linear head each: ŷ_t = head_t(trunk(x)).

    Caruana, *Multitask Learning*, Machine Learning 28, 1997, section 2 (https://doi.org/10.1023/A:1007379606734).
    The trunk's gradient is the sum of the tasks' gradients, and a head never receives another task's.

    Example:
        >>> from learning.networks.mlp import Mlp
        >>> from learning.tasks import Slot
        >>> layout = Layout(groups=1, slots=(Slot("regression", 1), Slot("multiclass", 3)))
        >>> model = Hard().build(Mlp(widths=(8,)), InputShape(numeric=2), layout)
        >>> sum(parameter.numel() for parameter in model.head_parameters())
        36
    """

    name: Literal["hard"] = "hard"

    def build(
        self, network: NetworkSpec, inputs: InputShape, layout: Layout, *, rows: Tensor | None = None
    ) -> "HardShared":
        trunk = network.build(inputs)
        return HardShared(trunk, Heads(layout, trunk.out_features, rows=rows))

    def plan(self, network: NetworkSpec, state: Mapping[str, NDArray[np.float32]], layout: Layout) -> "HardPlan":
        part = len("trunk.")
        trunk = network.plan({name[part:]: array for name, array in state.items() if name.startswith("trunk.")})
        return HardPlan(trunk, HeadPlan(layout, state["heads.weight"], state["heads.bias"], state["heads.rows"]))

    def parameters(self, network: NetworkSpec, inputs: InputShape, layout: Layout) -> int:
        return network.parameters(inputs) + layout.groups * layout.units * (network.out_features(inputs) + 1)


class HardShared(OneTrunk):
    """A trunk below the heads of all groups."""

    def forward(self, numeric: Tensor, category: Tensor, group: Tensor | None = None) -> Tensor:
        outputs: Tensor = self.heads(self.trunk(numeric, category), group)
        return outputs

    def shared_parameters(self) -> list[nn.Parameter]:
        return list(self.trunk.parameters())

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.heads.parameters())


class HardPlan:
    """The trunk is computed once, whatever the number of heads that answer."""

    def __init__(self, trunk: TrunkPlan, heads: HeadPlan) -> None:
        self._trunk = trunk
        self.heads = heads

    def per_row(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], group: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        return self.heads(self._trunk(numeric, category), group)

    def per_group(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], groups: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        z = self._trunk(numeric, category)
        return [self.heads(z, group) for group in groups]


METHOD = Hard
