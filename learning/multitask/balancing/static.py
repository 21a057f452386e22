"""Fixed weights."""

from collections.abc import Sequence
from typing import Literal

from learning.losses import Objective
from learning.multitask.balancing.base import BalancingSpec, WeightedSum


class Static(BalancingSpec):
    """The weighted sum of the losses, L = Σ_k w_k L_k, with the weights that the user gave (1 each by default).

    The baseline that tuned balancing methods mostly fail to beat: Kurin et al., *In Defense of the Unitary
    Scalarization for Deep Multi-Task Learning*, NeurIPS 2022 (https://arxiv.org/abs/2201.04122). It is a sum, not a
    mean: K tasks step K times as far as one, as the formula says.

    Example:
        >>> import torch
        >>> from learning.losses import Objective
        >>> from learning.multitask.sharing.hard import Hard
        >>> from learning.networks.linear import Linear
        >>> from learning.networks.base import InputShape
        >>> from learning.tasks import Layout, Slot
        >>> layout = Layout(groups=1, slots=(Slot("regression", 1), Slot("regression", 1)))
        >>> model = Hard().build(Linear(width=2), InputShape(numeric=1), layout)
        >>> outputs = model(torch.ones(4, 1), torch.empty(4, 0, dtype=torch.int64))
        >>> balancer = Static().build([Objective(0, "mse"), Objective(1, "mse")])
        >>> balancer.backward(outputs.mean(0), torch.tensor([3.0, 0.5]), model)
        >>> model.heads.bias.grad
        tensor([[3.0000, 0.5000]])
    """

    name: Literal["static"] = "static"

    def build(self, objectives: Sequence[Objective]) -> WeightedSum:  # noqa: ARG002  # the weights come with each step
        return WeightedSum()


METHOD = Static
