"""Many networks of one form as one: stacked parameters under ``vmap``, so that a step of all costs one step."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from learning.parts import TrainingSpec


class Stack:
    """M networks of one form; ``parameters[name]`` is ``[M, *shape]``, member m's own at index m.

    No operation mixes members, so each learns what it would have learned by itself.
    """

    def __init__(self, networks: Sequence[nn.Module], device: torch.device) -> None:
        self._template = networks[0].to(device)
        self._forward = torch.vmap(self._member, in_dims=(0, 0, 0), randomness="different")
        every = [dict(network.named_parameters()) for network in networks]
        self.parameters = {
            name: nn.Parameter(torch.stack([parameters[name].detach() for parameters in every]).to(device))
            for name in every[0]
        }

    def _member(self, parameters: Mapping[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self._template, dict(parameters), (numeric, category))
        return outputs

    def __len__(self) -> int:
        return len(next(iter(self.parameters.values())))

    def train(self, numeric: Tensor, category: Tensor) -> Tensor:
        """Return the raw outputs ``[M, n, O]`` of ``numeric`` ``[M, n, p]`` and ``category`` ``[M, n, q]``."""
        self._template.train()
        return self._forward(self.parameters, numeric, category)

    def evaluate(self, numeric: Tensor, category: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """Return the raw outputs ``[M, n, O]`` of members with these ``parameters``, without dropout or gradient."""
        self._template.eval()
        with torch.no_grad():
            return self._forward(parameters, numeric, category)

    def weights(self) -> list[nn.Parameter]:
        """Return what l1 and l2 hold down: the weights, not the biases."""
        return [parameter for name, parameter in self.parameters.items() if not name.endswith("bias")]

    def copy(self) -> dict[str, Tensor]:
        """Return a detached copy of the parameters."""
        return {name: tensor.detach().clone() for name, tensor in self.parameters.items()}

    def keep(self, members: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Drop all but ``members`` ``[k]``, from the parameters and from what the optimizer remembers of them."""
        for group in optimizer.param_groups:
            group["params"] = [self._kept(name, members, optimizer) for name in self.parameters]

    def _kept(self, name: str, members: Tensor, optimizer: torch.optim.Optimizer) -> nn.Parameter:
        old = self.parameters[name]
        new = nn.Parameter(old.detach()[members])
        if old in optimizer.state:
            state = optimizer.state.pop(old)
            optimizer.state[new] = {
                key: value[members] if isinstance(value, Tensor) and value.shape == old.shape else value
                for key, value in state.items()
            }
        self.parameters[name] = new
        return new


def initialised(build: Callable[[], nn.Module], seeds: Sequence[int]) -> list[nn.Module]:
    """Return a network of each seed; torch's own generator is left as it was."""
    networks = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            networks.append(build())
    return networks


def optimizer_of(training: TrainingSpec, parameters: Sequence[Tensor]) -> torch.optim.Optimizer:
    """Return the job's own optimizer over stacked parameters: it works element by element, so members stay apart."""
    if training.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=training.learning_rate, fused=True)
    return torch.optim.AdamW(parameters, lr=training.learning_rate, weight_decay=0.0, fused=True)


def learning_rate(training: TrainingSpec, epoch: int) -> float:
    """Return the learning rate of an epoch, counted from 0: the given one, or its way to 0 along half a cosine."""
    if training.schedule == "constant":
        return training.learning_rate
    return training.learning_rate * 0.5 * (1.0 + math.cos(math.pi * epoch / training.epochs))
