"""A network for each task, tied to their mean."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from learning.multitask.sharing.base import SharedModel, SharingSpec, add_gradient
from learning.multitask.sharing.blocks import blocks
from learning.networks.base import InputShape, NetworkSpec, Trunk
from learning.networks.heads import HeadPlan, Heads
from learning.tasks import Layout


class Soft(SharingSpec):
    """Every task has a network of its own, and each is drawn to the mean of all: the penalty λ/2 Σ_t ‖θ_t − θ̄‖².

    Duong et al., *Low Resource Dependency Parsing: Cross-lingual Parameter Sharing in a Neural Network Parser*, ACL 2015,
    section 3 (https://doi.org/10.3115/v1/P15-2139), for any number of tasks. θ_t is the trunk, tied over all tasks,
    and the head, tied over the groups of its target. λ = 0 trains each task alone, a large λ one model for all. θ̄ and
    the penalty count tasks as the loss counts their rows: `SharedModel.add_tie_gradient`. All start from the same
    weights; a group that training did not see is answered by the mean of the networks, weighted by their rows.

    A trunk for each task is many numbers to learn and to keep: `mean_regularised` ties the heads of one trunk.

    Example:
        >>> from learning.networks.mlp import Mlp
        >>> from learning.tasks import Slot
        >>> layout = Layout(groups=4, slots=(Slot("regression", 1), Slot("binary", 1)))
        >>> model = Soft(strength=30.0).build(Mlp(widths=(8,)), InputShape(numeric=3), layout)
        >>> dict(model.trunks.named_parameters())["layers.0.weight"].shape
        torch.Size([4, 2, 8, 3])
    """

    name: Literal["soft"] = "soft"
    strength: float = Field(
        default=100.0,
        strict=True,
        ge=0.0,
        le=1e9,
        allow_inf_nan=False,
        description="λ, in rows, as in mean_regularised.",
    )

    def misfit(self, network: NetworkSpec) -> str | None:
        if network.stackable:
            return None
        told = network.model_dump()["name"]
        return f"expected a network of which each task may have one of its own, as mlp; found {told!r}"

    def build(
        self, network: NetworkSpec, inputs: InputShape, layout: Layout, *, rows: Tensor | None = None
    ) -> "SoftShared":
        trunk = network.build(inputs)
        return SoftShared(trunk, Heads(layout, trunk.out_features, rows=rows), self.strength)

    def plan(self, network: NetworkSpec, state: Mapping[str, NDArray[np.float32]], layout: Layout) -> "SoftPlan":
        part = len("trunks.")
        trunks = {name[part:]: array for name, array in state.items() if name.startswith("trunks.")}
        return SoftPlan(network, trunks, layout, state)

    def parameters(self, network: NetworkSpec, inputs: InputShape, layout: Layout) -> int:
        trunks = layout.groups * len(layout.slots) * network.parameters(inputs)
        return trunks + layout.groups * layout.units * (network.out_features(inputs) + 1)


class SoftShared(SharedModel):
    """``trunks`` has the form of one trunk; each of its parameters is ``[G, J, *shape]``, one for each group and slot."""

    def __init__(self, trunk: Trunk, heads: Heads, strength: float) -> None:
        super().__init__()
        self.trunks = trunk
        self.heads = heads
        self._strength = strength
        layout = heads.layout
        for module in trunk.modules():
            for name, first in list(module.named_parameters(recurse=False)):
                stacked = first.detach().expand(layout.groups, len(layout.slots), *first.shape).clone()
                setattr(module, name, nn.Parameter(stacked))
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                # Under vmap (torch 2.13) padding_idx is honoured in the first of the stack only.
                module.weight.register_hook(_Still(module.padding_idx))  # type: ignore[no-untyped-call]

    def forward(self, numeric: Tensor, category: Tensor, group: Tensor | None = None) -> Tensor:
        layout = self.heads.layout
        if group is None:
            if layout.groups > 1:
                raise ValueError(f"expected the group of each row, as there are {layout.groups} networks; found none")
            group = torch.zeros(len(numeric), dtype=torch.int64, device=numeric.device)
        trunks: dict[str, Tensor] = dict(self.trunks.named_parameters())
        weight: Tensor = self.heads.weight
        bias: Tensor = self.heads.bias
        if not self.training:
            trunks = {name: self._answering(stacked) for name, stacked in trunks.items()}
            weight, bias = self.heads.answering()
            group = torch.where(group < 0, layout.groups, group)
        cut = blocks(group.cpu().numpy())
        of, block, place = (torch.from_numpy(part).to(group.device) for part in (cut.group, cut.block, cut.place))
        x = numeric.new_zeros(len(of), cut.size, numeric.shape[1]).index_put((block, place), numeric)
        c = category.new_zeros(len(of), cut.size, category.shape[1]).index_put((block, place), category)
        each_slot = torch.vmap(self._trunk, in_dims=(0, None, None), randomness="different")
        each_block = torch.vmap(each_slot, in_dims=(0, 0, 0), randomness="different")
        z = each_block({name: stacked[of] for name, stacked in trunks.items()}, x, c)  # [blocks, J, size, h]
        outputs = torch.einsum("bosh,boh->bso", z[:, self.heads.slot_of], weight[of]) + bias[of].unsqueeze(1)
        return outputs[block, place]

    def _trunk(self, parameters: dict[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        z: Tensor = functional_call(self.trunks, parameters, (numeric, category))
        return z

    def _answering(self, stacked: Tensor) -> Tensor:
        """What answers in evaluation, ``[G + 1, J, *shape]``: the mean for those without training rows, and last."""
        rows = self.heads.rows.reshape(*self.heads.rows.shape, *[1] * (stacked.ndim - 2))
        mean = (rows / rows.sum(0).clamp(min=1) * stacked).sum(0, keepdim=True)
        return torch.cat([torch.where(rows == 0, mean, stacked), mean])

    def shared_parameters(self) -> list[nn.Parameter]:
        return []

    def head_parameters(self) -> list[nn.Parameter]:
        return list(self.heads.parameters())

    @torch.no_grad()
    def add_tie_gradient(self, row_weights: Tensor) -> None:
        counted = row_weights * (self.heads.rows > 0)
        for trunk in self.trunks.parameters():
            add_gradient(trunk, _deviation(trunk, counted, (0, 1)), self._strength)
        of_unit = counted[:, self.heads.slot_of]
        for head in self.heads.parameters():
            add_gradient(head, _deviation(head, of_unit, (0,)), self._strength)


def _deviation(stacked: Tensor, weights: Tensor, over: tuple[int, ...]) -> Tensor:
    """Return c_t (θ_t − θ̄) of ``stacked`` and c ``[G, J]`` or ``[G, O]``; θ̄ is the mean ``over`` these dimensions by c."""
    c = weights.reshape(*weights.shape, *[1] * (stacked.ndim - 2))
    total = c.sum(over, keepdim=True)
    mean = (c * stacked).sum(over, keepdim=True) / torch.where(total > 0, total, 1.0)
    return c * (stacked - mean)


class _Still:
    """Keeps what an embedding never learns, the row at ``index``, where it is."""

    def __init__(self, index: int) -> None:
        self._index = index

    def __call__(self, gradient: Tensor) -> Tensor:
        gradient = gradient.clone()
        gradient[..., self._index, :] = 0.0
        return gradient


class SoftPlan:
    """All groups of a request side by side."""

    def __init__(
        self,
        network: NetworkSpec,
        trunks: Mapping[str, NDArray[np.float32]],
        layout: Layout,
        state: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """Args: ``trunks``, the arrays ``[G, J, *shape]`` of a trained `SoftShared`; ``state`` holds its heads."""
        rows = state["heads.rows"]
        self._network = network
        self._heads = HeadPlan(layout, state["heads.weight"], state["heads.bias"], rows)
        self._trunks = {name: _answering(stacked, rows) for name, stacked in trunks.items()}
        self._slot_of = np.repeat(np.arange(len(layout.slots)), [slot.units for slot in layout.slots])

    def per_row(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], group: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        cut = blocks(group)
        x = np.zeros((len(cut.group), cut.size, numeric.shape[1]), np.float32)
        c = np.zeros((len(cut.group), cut.size, category.shape[1]), np.int64)
        x[cut.block, cut.place], c[cut.block, cut.place] = numeric, category
        return self._answer(cut.group, x, c)[cut.block, cut.place]

    def per_group(
        self, numeric: NDArray[np.float32], category: NDArray[np.int64], groups: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        return list(self._answer(np.asarray(groups, np.int64), numeric[None], category[None]))

    def _answer(
        self, group: NDArray[np.int64], numeric: NDArray[np.float32], category: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return ``[b, n, O]`` of rows ``[b or 1, n, …]``, block i by the networks of ``group`` i."""
        trunk = self._network.plan({name: stacked[group] for name, stacked in self._trunks.items()})
        z = trunk(numeric[:, None], category[:, None])  # [b, J, n, h]
        weight, bias = self._heads.weight[group], self._heads.bias[group]
        out: NDArray[np.float32] = np.matmul(z[:, self._slot_of], weight[..., None])[..., 0] + bias[..., None]
        return out.swapaxes(1, 2)


def _answering(stacked: NDArray[np.float32], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """As in `SoftShared`, so that group −1 finds the mean."""
    wide = rows.astype(np.float64).reshape(*rows.shape, *[1] * (stacked.ndim - 2))
    mean = (wide / np.maximum(wide.sum(0), 1.0) * stacked).sum(0, keepdims=True).astype(np.float32)
    return np.concatenate([np.where(wide == 0, mean, stacked), mean])


METHOD = Soft
