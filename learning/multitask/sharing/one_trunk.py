"""Models whose tasks all read what one trunk computes: another model may begin with it."""

import torch
from torch import Tensor

from learning.multitask.sharing.base import SharedModel
from learning.networks.base import Trunk
from learning.networks.heads import Heads


class OneTrunk(SharedModel):
    """A trunk, and a head of each group and slot above it."""

    def __init__(self, trunk: Trunk, heads: Heads) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = heads

    @torch.no_grad()
    def begin_heads(self, weight: Tensor, bias: Tensor, known: Tensor) -> None:
        """Begin with these heads where ``known`` ``[G, O]`` is true, and with new ones elsewhere.

        Args:
            weight: ``[G, O, h]``. bias: ``[G, O]``. Both as they answer, whatever the model makes its heads of.
        """
        self.heads.weight.copy_(torch.where(known.unsqueeze(-1), weight, self.heads.weight))
        self.heads.bias.copy_(torch.where(known, bias, self.heads.bias))
