"""The model of a transfer job before its first step: the source's trunk, and the source's head or a new one."""

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor

from learning.grafting.plan import Graft
from learning.grafting.source import inputs_of, network_of, sharing_of
from learning.model import ModelFileInvalid, TrainedModel
from learning.multitask.sharing.hard import HardPlan, HardShared
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
    weights = {
        name.removeprefix("trunk."): torch.from_numpy(tensor.copy())
        for name, tensor in source.tensors.items()
        if name.startswith("trunk.")
    }
    try:
        trunk.load_state_dict(weights)
    except RuntimeError as error:
        raise ModelFileInvalid(f"expected weights that fit the header, found {str(error)[:200]}") from None
    if graft.kept is not None:
        weight, bias = _head(source, graft.kept, mean, deviation)
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


def _head(source: TrainedModel, kept: int, mean: float, deviation: float) -> tuple[Tensor, Tensor]:
    """The source's head of an output, weight ``[units, h]`` and bias ``[units]``; of a grouped model its mean head."""
    header, output = source.header, source.header.outputs[kept]
    plan = sharing_of(header).plan(network_of(header), source.tensors, header.layout)
    if not isinstance(plan, HardPlan):
        raise ModelFileInvalid(f"expected a model with one trunk, found sharing {header.sharing['name']!r}")
    first = header.layout.offsets[output.slot]
    own = slice(first, first + header.layout.slots[output.slot].units)
    place = -1 if output.group is None else output.group
    weight = torch.from_numpy(plan.heads.weight[place, own].copy())
    bias = torch.from_numpy(plan.heads.bias[place, own].copy())
    if output.type == "regression":
        weight = weight * (output.deviation / deviation)
        bias = (bias * output.deviation + output.mean - mean) / deviation
    return weight, bias
