"""The heads of all groups as one table, so that no step loops over groups."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from learning.tasks import Layout


class Heads(nn.Module):
    """A linear head per group: ``weight`` ``[G, O, h]`` and ``bias`` ``[G, O]``, with O raw outputs over the slots.

    Every group starts from the same head, so that before it has learned, and as far as it never does, a group answers
    as the others do. The mean head averages the heads of each slot by the training rows behind them; in evaluation it
    answers for group −1, and for a (group, slot) without any.
    """

    rows: Tensor
    slot_of: Tensor

    def __init__(self, layout: Layout, in_features: int, *, rows: Tensor | None = None) -> None:
        """Args: ``rows`` ``[G, J]`` are the labelled training rows behind each head and slot; by default all equal."""
        super().__init__()
        self.layout = layout
        first = torch.empty(layout.units, in_features)
        nn.init.uniform_(first, -1 / math.sqrt(in_features), 1 / math.sqrt(in_features))
        self.weight = nn.Parameter(first.repeat(layout.groups, 1, 1))
        self.bias = nn.Parameter(torch.zeros(layout.groups, layout.units))
        slots = len(layout.slots)
        self.register_buffer("rows", torch.ones(layout.groups, slots) if rows is None else rows.to(torch.float32))
        units = torch.tensor([slot.units for slot in layout.slots])
        self.register_buffer("slot_of", torch.repeat_interleave(torch.arange(slots), units), persistent=False)

    def forward(self, z: Tensor, group: Tensor | None = None) -> Tensor:
        """Return the raw outputs ``[n, O]`` of representations ``z`` ``[n, h]``.

        Args:
            group: ``[n]`` int64, the head of each row; not read when there is one group. −1, the mean head, is known in
                evaluation only.
        """
        groups, units, h = self.layout.groups, self.layout.units, z.shape[-1]
        weight, bias = self.weight.view(groups * units, h), self.bias.view(groups * units)
        if groups == 1:
            return functional.linear(z, weight, bias)
        if group is None:
            raise ValueError(f"expected the group of each row, as there are {groups} heads; found none")
        weight, bias = self.weight.view(groups, units * h), self.bias
        if not self.training:
            weight, bias = self.answering()
            weight = weight.flatten(1)
            group = torch.where(group < 0, groups, group)
        # A lookup, whose gradient is a scatter: the cost grows with the rows, not with the groups.
        chosen = functional.embedding(group, weight).view(-1, units, h)
        return (chosen * z.unsqueeze(-2)).sum(-1) + functional.embedding(group, bias)

    def answering(self) -> tuple[Tensor, Tensor]:
        """What answers in evaluation, as in `HeadPlan`: weight ``[G + 1, O, h]`` and bias ``[G + 1, O]``, the mean head last."""
        mean_weight, mean_bias = self.mean()
        untrained = (self.rows == 0)[:, self.slot_of]
        weight = torch.cat([torch.where(untrained.unsqueeze(-1), mean_weight, self.weight), mean_weight.unsqueeze(0)])
        return weight, torch.cat([torch.where(untrained, mean_bias, self.bias), mean_bias.unsqueeze(0)])

    def mean(self) -> tuple[Tensor, Tensor]:
        """The mean head, weight ``[O, h]`` and bias ``[O]``: each slot's heads weighted by their training rows."""
        share = (self.rows / self.rows.sum(0).clamp(min=1))[:, self.slot_of]
        return torch.einsum("go,goh->oh", share, self.weight), (share * self.bias).sum(0)


class HeadPlan:
    """The heads at inference, in numpy; a (group, slot) without training rows answers as the slot's mean head."""

    def __init__(
        self,
        layout: Layout,
        weight: NDArray[np.float32],
        bias: NDArray[np.float32],
        rows: NDArray[np.float32],
    ) -> None:
        """Args: ``weight`` ``[G, O, h]``, ``bias`` ``[G, O]`` and ``rows`` ``[G, J]`` of trained `Heads`."""
        if weight.shape[:2] != (layout.groups, layout.units) or rows.shape != (layout.groups, len(layout.slots)):
            expected = f"{layout.groups} heads of {layout.units} outputs over {len(layout.slots)} slots"
            raise ValueError(f"expected {expected}, found weights {weight.shape} and rows {rows.shape}")
        share = rows.astype(np.float64) / np.maximum(rows.sum(0, dtype=np.float64), 1.0)
        share = np.repeat(share, [slot.units for slot in layout.slots], axis=1)
        mean_weight = np.einsum("go,goh->oh", share, weight).astype(np.float32)
        mean_bias = (share * bias).sum(0).astype(np.float32)
        untrained = share == 0
        # The last row is the mean head, so that group −1 finds it.
        self.weight = np.concatenate([np.where(untrained[..., None], mean_weight, weight), mean_weight[None]])
        self.bias = np.concatenate([np.where(untrained, mean_bias, bias), mean_bias[None]])

    def __call__(self, z: NDArray[np.float32], group: NDArray[np.integer] | int) -> NDArray[np.float32]:
        """Return the raw outputs ``[n, O]`` of ``z`` ``[n, h]``; ``group`` is one for all rows, or ``[n]``."""
        if isinstance(group, np.ndarray):
            if len(self.weight) > 2 and len(z) > 1:
                out: NDArray[np.float32] = np.matmul(self.weight[group], z[:, :, None])[:, :, 0] + self.bias[group]
                return out
            group = int(group[0]) if len(z) else 0
        same: NDArray[np.float32] = z @ self.weight[group].T + self.bias[group]
        return same
