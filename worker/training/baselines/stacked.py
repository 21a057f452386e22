"""Many networks of one form as one: stacked parameters under ``vmap``, so that a step of all costs one step."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from learning.networks.normalisation import Normalisation


class Stack(nn.Module):
    """M networks of one form; each parameter is ``[M, *shape]``, member m's own at index m.

    No operation mixes members, so each learns what it would have learned by itself.
    """

    def __init__(self, networks: Sequence[nn.Module], device: torch.device) -> None:
        super().__init__()
        every = [dict(network.named_parameters()) for network in networks]
        # a parameter's name may hold no dot
        self._names = {name: name.replace(".", "/") for name in every[0]}
        for name, own in self._names.items():
            stacked = torch.stack([parameters[name].detach() for parameters in every])
            self.register_parameter(own, nn.Parameter(stacked.to(device)))
        self._padding = {
            f"{name}.weight": module.padding_idx
            for name, module in networks[0].named_modules()
            if isinstance(module, nn.Embedding) and module.padding_idx is not None
        }
        # what a normalisation remembers is each member's own, too
        self._remembered = [
            f"{name}.{own}"
            for name, module in networks[0].named_modules()
            if isinstance(module, Normalisation)
            for own in ("running_mean", "running_var")
        ]
        for name in self._remembered:
            stacked = torch.stack([network.get_buffer(name).clone() for network in networks])
            self.register_buffer(name.replace(".", "/"), stacked.to(device))
        self._names |= {name: name.replace(".", "/") for name in self._remembered}
        # in a tuple, so that its own parameters are not counted among these
        self._template = (networks[0].to(device),)
        together = torch.vmap(self._one, in_dims=(0, 0, 0), randomness="different")
        self._all = self._apart if self._remembered else together

    def _one(self, parameters: dict[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        outputs: Tensor = functional_call(self._template[0], parameters, (numeric, category))
        return outputs

    def _apart(self, state: dict[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        """One member after the other: a normalisation has to see its rows, and remembers them in its member's state."""
        members = range(len(numeric))
        own = [{name: stacked[member] for name, stacked in state.items()} for member in members]
        return torch.stack([self._one(own[member], numeric[member], category[member]) for member in members])

    def state(self) -> dict[str, Tensor]:
        """Return the stacked parameters, and what normalisations remember, by the names that they have in a member."""
        return {name: getattr(self, own) for name, own in self._names.items()}

    def copy(self) -> dict[str, Tensor]:
        """Return a detached copy of `state`."""
        return {name: tensor.detach().clone() for name, tensor in self.state().items()}

    def learn(self, numeric: Tensor, category: Tensor) -> Tensor:
        """Return the raw outputs ``[M, n, O]`` of ``numeric`` ``[M, n, p]`` and ``category`` ``[M, n, q]``."""
        self._template[0].train()
        return self._all(self.state(), numeric, category)

    def still_padding(self) -> None:
        """Take back what the last backward gave to the rows that an embedding never learns.

        Under ``vmap`` (torch 2.13) ``padding_idx`` is honoured in the first member only.
        """
        for name, index in self._padding.items():
            gradient = getattr(self, self._names[name]).grad
            if gradient is not None:
                gradient[:, index] = 0.0

    def answer(self, parameters: Mapping[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        """Return the raw outputs ``[M, n, O]`` of members with these ``parameters``, without dropout or gradient."""
        self._template[0].eval()
        with torch.no_grad():
            return self._all(dict(parameters), numeric, category)

    def sound(self) -> Tensor:
        """Return ``[M]``, whether all numbers of a member are finite."""
        return torch.stack([tensor.detach().flatten(1).isfinite().all(1) for tensor in self.state().values()]).all(0)

    def keep(self, members: Tensor, optimizer: torch.optim.Optimizer) -> None:
        """Drop all but ``members`` ``[k]``, from the parameters and from what the optimizer remembers of them."""
        for name in self._remembered:
            setattr(self, self._names[name], getattr(self, self._names[name])[members])
        learned = [own for name, own in self._names.items() if name not in self._remembered]
        kept = {getattr(self, own): self._kept(own, members, optimizer) for own in learned}
        for group in optimizer.param_groups:
            group["params"] = [kept[old] for old in group["params"]]

    def _kept(self, own: str, members: Tensor, optimizer: torch.optim.Optimizer) -> nn.Parameter:
        old = getattr(self, own)
        new = nn.Parameter(old.detach()[members])
        if old in optimizer.state:
            optimizer.state[new] = {
                key: value[members] if isinstance(value, Tensor) and value.shape == old.shape else value
                for key, value in optimizer.state.pop(old).items()
            }
        setattr(self, own, new)
        return new


def initialised(build: Callable[[], nn.Module], seeds: Sequence[int]) -> list[nn.Module]:
    """Return a network of each seed; torch's own generator is left as it was."""
    networks = []
    with torch.random.fork_rng(devices=[]):
        for seed in seeds:
            torch.manual_seed(seed)
            networks.append(build())
    return networks
