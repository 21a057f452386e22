"""The heads with which a stored model answers, as the beginning of another's."""

import torch
from torch import Tensor

from learning.grafting.source import network_of, sharing_of
from learning.header import Output
from learning.model import ModelFileInvalid, TrainedModel
from learning.multitask.sharing.hard import HardPlan


class SourceHeads:
    """The heads of a model with one trunk, as they answer.

    Raises:
        ModelFileInvalid: there is more than one trunk.
    """

    def __init__(self, source: TrainedModel) -> None:
        header = source.header
        plan = sharing_of(header).plan(network_of(header), source.tensors, header.layout)
        if not isinstance(plan, HardPlan):
            raise ModelFileInvalid(f"expected a model with one trunk, found sharing {header.sharing['name']!r}")
        self._layout, self._heads = header.layout, plan.heads

    def head(self, output: Output, group: int, *, mean: float, deviation: float) -> tuple[Tensor, Tensor]:
        """The head of an output, weight ``[units, h]`` and bias ``[units]``; of ``group`` −1 the mean head.

        Of a regression it is rescaled, from the units in which the source learned to those in which the new task is
        learned, so that it gives the source's answers.

        Args:
            mean, deviation: by which the new task's labels are standardised.
        """
        first = self._layout.offsets[output.slot]
        own = slice(first, first + self._layout.slots[output.slot].units)
        weight = torch.from_numpy(self._heads.weight[group, own].copy())
        bias = torch.from_numpy(self._heads.bias[group, own].copy())
        if output.type == "regression":
            weight = weight * (output.deviation / deviation)
            bias = (bias * output.deviation + output.mean - mean) / deviation
        return weight, bias
