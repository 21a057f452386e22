"""The model of a transfer job before its first step: the source's trunk, and the source's head or a new one."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from learning.grafting.heads import SourceHeads
from learning.grafting.plan import Graft
from learning.grafting.source import inputs_of, network_of
from learning.grafting.trunk import load_trunk
from learning.model import TrainedModel
from learning.multitask.sharing.hard import HardShared
from learning.networks.heads import Heads
from learning.transfer.base import TransferSpec


class Grafted(HardShared):
    """A trunk and a head in training by a transfer method; ``source`` holds what came from the source, by name."""

    def __init__(self, plain: HardShared, method: TransferSpec, source: Mapping[str, Tensor]) -> None:
        super().__init__(plain.trunk, plain.heads)
        self._method, self._source = method, dict(source)
        learning = method.trainable([name for name, _ in self.named_parameters()])
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(name in learning)

    def train(self, mode: bool = True) -> Self:  # torch's own signature
        """What does not learn answers as in evaluation: a frozen normalisation keeps what it remembers, bit for bit."""
        super().train(mode)
        if not any(parameter.requires_grad for parameter in self.trunk.parameters()):
            self.trunk.eval()
        for module in self.trunk.modules():
            own = list(module.parameters(recurse=False))
            if own and not any(parameter.requires_grad for parameter in own):
                module.eval()
        return self

    def add_tie_gradient(self, row_weights: Tensor) -> None:  # noqa: ARG002  # what holds it to its source counts no rows
        parameters = {name: parameter for name, parameter in self.named_parameters() if parameter.requires_grad}
        self._method.add_gradient(parameters, self._source)


def start(
    graft: Graft, source: TrainedModel, *, mean: float, deviation: float, rows: Tensor, device: torch.device
) -> Grafted:
    """Return the new model on ``device``; a new head's first values come from torch's own generator.

    A head that is kept gives the source's answers: of a regression it is rescaled, from the units in which the source
    learned to those in which the new task is learned.

    Args:
        mean, deviation: by which the new task's labels are standardised. rows: ``[1, 1]``, its training rows.

    Raises:
        ModelFileInvalid: the weights do not fit the source's own header.
    """
    network, layout = network_of(source.header), graft.plan.layout
    trunk = network.build(inputs_of(source.header))
    heads = Heads(layout, trunk.out_features, rows=rows)
    load_trunk(trunk, source.tensors)
    if graft.kept is not None:
        output = source.header.outputs[graft.kept]
        place = -1 if output.group is None else output.group  # of a grouped model its mean head
        weight, bias = SourceHeads(source).head(output, place, mean=mean, deviation=deviation)
        with torch.no_grad():
            heads.weight[0].copy_(weight)
            heads.bias[0].copy_(bias)
    plain = HardShared(trunk, heads).to(device)
    came = {
        name: parameter.detach().clone()
        for name, parameter in plain.named_parameters()
        if name.startswith("trunk.") or graft.kept is not None
    }
    return Grafted(plain, graft.spec.method, came)
