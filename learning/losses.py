"""The loss of each objective in a batch, and the penalty on weights.

An objective is what balancing weighs: a listed task, or a target over all its groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional

from learning.tasks import Layout, Loss, TaskType


@dataclass(frozen=True, slots=True)
class Objective:
    """Which labels make one loss.

    slot: the target's slot in the heads; group: the head of a listed task, None for a target over all groups.
    class_weight: the weight of a label of each class, None for 1 each.
    """

    slot: int
    loss: Loss
    group: int | None = None
    class_weight: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring slots whose cells are computed in one call; ``losses`` has more than one name when groups differ."""

    type: TaskType
    losses: tuple[Loss, ...]
    outputs: slice
    slots: slice


class TaskLosses:
    """``(outputs [n, O], labels [n, J], group [n]) -> losses [K]``: the mean over each objective's labelled cells.

    Labels are NaN where a row has none, standardised values for a regression, class indices otherwise. An objective
    without a label in the batch has loss 0 and gradient 0. With class weights c the mean is Σ c_y ℓ / Σ c_y. Losses:
    mse (ŷ − y)², mae \\|ŷ − y\\|, huber ½ min(d, 1)² + max(d − 1, 0) of d = \\|ŷ − y\\| (Huber 1964), and log_loss, the
    negative log likelihood in nats.

    Example:
        >>> from learning.tasks import Slot
        >>> layout = Layout(1, (Slot("regression", 1), Slot("binary", 1)))
        >>> losses = TaskLosses(layout, [Objective(0, "mse"), Objective(1, "log_loss")])
        >>> losses(torch.zeros(2, 2), torch.tensor([[3.0, 1.0], [1.0, float("nan")]]))
        tensor([5.0000, 0.6931])
    """

    def __init__(
        self,
        layout: Layout,
        objectives: Sequence[Objective],
        *,
        dense: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        """Args: ``dense`` promises that no label is NaN, which spares each step the looking."""
        self._layout = layout
        self.objectives = tuple(objectives)
        names = _loss_names(layout, objectives)
        self._blocks = _blocks(layout, names)
        self._by_group = layout.groups > 1 and any(objective.group is not None for objective in objectives)
        self._dense = dense and not self._by_group and all(o.class_weight is None for o in objectives)
        of, loss_of = _tables(layout, objectives, names)
        self._of = of.to(device)  # [G, J], the objective of each head and slot, −1 for none
        self._loss_of = loss_of.to(device)  # [G, J], the position of its loss among the slot's names
        self._order = self._of.argsort(dim=1, stable=True)[0, len(layout.slots) - len(self.objectives) :]
        self._ordered = self._of[0].tolist() == list(range(len(layout.slots)))
        self._class_weight = _class_weights(layout, objectives).to(device)  # [K, classes]
        self._weighted = any(objective.class_weight is not None for objective in objectives)

    def __call__(self, outputs: Tensor, labels: Tensor, group: Tensor | None = None) -> Tensor:
        """Return ``[K]``; ``group`` is read when there are several groups whose objectives differ.

        Args:
            outputs: ``[n, O]``, raw: a regression's standardised value, a log odds, or the logits of the classes.
        """
        if self._dense:
            return self._in_order(self._cells(outputs, labels, None).mean(0))
        return mean(*self.totals(outputs, labels, group))

    def totals(self, outputs: Tensor, labels: Tensor, group: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return Σ c ℓ and Σ c over each objective's labelled cells, both ``[K]``: the parts of a mean over batches."""
        known = ~labels.isnan()
        filled = torch.where(known, labels, 0.0)
        weight = known.to(outputs.dtype)
        if not self._by_group:
            if self._weighted:
                weight = weight * self._weights_of(self._of[0].expand_as(labels), filled)
            sums = (self._cells(outputs, filled, None) * weight).sum(0)
            return self._in_order(sums), self._in_order(weight.sum(0))
        if group is None:
            raise ValueError(f"expected the group of each row, as {self._layout.groups} groups differ; found none")
        return self._scattered(self._cells(outputs, filled, self._loss_of[group]), filled, weight, self._of[group])

    def row_weights(self, labels: Tensor, group: Tensor, weights: Tensor) -> Tensor:
        """Return ``[G, J]``, what a row of each head and slot weighs in Σ_k w_k L_k over all of these rows: w_k / n_k.

        Args:
            weights: ``[K]``, w; n_k counts the labels of objective k. Class weights are not read.
        """
        of = self._of[group]
        used = (~labels.isnan() & (of >= 0)).to(weights.dtype)
        counts = weights.new_zeros(len(weights)).index_add(0, of.clamp(min=0).flatten(), used.flatten())
        each = weights / torch.where(counts > 0, counts, 1.0)
        return torch.where(self._of >= 0, each[self._of.clamp(min=0)], 0.0)

    def _scattered(self, cells: Tensor, labels: Tensor, weight: Tensor, of: Tensor) -> tuple[Tensor, Tensor]:
        weight = weight * (of >= 0)
        if self._weighted:
            weight = weight * self._weights_of(of, labels)
        index = of.clamp(min=0).flatten()
        sums = cells.new_zeros(len(self.objectives)).index_add(0, index, (cells * weight).flatten())
        return sums, cells.new_zeros(len(self.objectives)).index_add(0, index, weight.flatten())

    def _weights_of(self, of: Tensor, labels: Tensor) -> Tensor:
        classes = labels.long().clamp(0, self._class_weight.shape[1] - 1)
        return self._class_weight[of.clamp(min=0), classes]

    def _in_order(self, of_slots: Tensor) -> Tensor:
        return of_slots if self._ordered else of_slots[self._order]

    def _cells(self, outputs: Tensor, labels: Tensor, loss_of: Tensor | None) -> Tensor:
        """The loss of each cell, ``[n, J]``."""
        if len(self._blocks) == 1 and loss_of is None:
            block = self._blocks[0]
            return pointwise(block.type, block.losses[0], outputs, labels)
        parts = []
        for block in self._blocks:
            y_hat, y = outputs[:, block.outputs], labels[:, block.slots]
            part = pointwise(block.type, block.losses[0], y_hat, y)
            for position, loss in enumerate(block.losses[1:], start=1):
                assert loss_of is not None  # losses differ within a slot only where groups do
                part = torch.where(loss_of[:, block.slots] == position, pointwise(block.type, loss, y_hat, y), part)
            parts.append(part)
        return torch.cat(parts, dim=1)


def mean(sums: Tensor, weights: Tensor) -> Tensor:
    """Return ``[K]`` means of `TaskLosses.totals`, 0 where an objective has no label."""
    return sums / torch.where(weights > 0, weights, 1.0)


def pointwise(kind: TaskType, loss: Loss, y_hat: Tensor, y: Tensor) -> Tensor:
    """The loss of each cell of a block, ``[n, slots]``, of outputs ``[n, units]`` and labels ``[n, slots]``."""
    if kind == "multiclass":
        return functional.cross_entropy(y_hat, y[:, 0].long(), reduction="none").unsqueeze(1)
    if kind == "binary":
        return functional.binary_cross_entropy_with_logits(y_hat, y, reduction="none")
    match loss:
        case "mae":
            return functional.l1_loss(y_hat, y, reduction="none")
        case "huber":
            return functional.huber_loss(y_hat, y, reduction="none")
        case _:
            return functional.mse_loss(y_hat, y, reduction="none")


def _loss_names(layout: Layout, objectives: Sequence[Objective]) -> list[tuple[Loss, ...]]:
    """The losses met in each slot, in the order of the objectives."""
    names: list[list[Loss]] = [[] for _ in layout.slots]
    for objective in objectives:
        if objective.loss not in names[objective.slot]:
            names[objective.slot].append(objective.loss)
    return [tuple(slot) or ("mse",) for slot in names]


def _blocks(layout: Layout, names: Sequence[tuple[Loss, ...]]) -> tuple[_Block, ...]:
    """Merge neighbouring slots of one unit and one kind; a multiclass slot is a block of its own."""

    def kind(slot: int) -> tuple[object, ...]:
        type_ = layout.slots[slot].type
        return (type_, names[slot], slot) if type_ == "multiclass" else (type_, names[slot])

    blocks = []
    for _, members in groupby(range(len(layout.slots)), kind):
        slots = list(members)
        first, last = slots[0], slots[-1]
        outputs = slice(layout.offsets[first], layout.offsets[last] + layout.slots[last].units)
        blocks.append(_Block(layout.slots[first].type, names[first], outputs, slice(first, last + 1)))
    return tuple(blocks)


def _tables(
    layout: Layout, objectives: Sequence[Objective], names: Sequence[tuple[Loss, ...]]
) -> tuple[Tensor, Tensor]:
    of = torch.full((layout.groups, len(layout.slots)), -1, dtype=torch.int64)
    loss_of = torch.zeros_like(of)
    for k, objective in enumerate(objectives):
        groups = slice(None) if objective.group is None else objective.group
        of[groups, objective.slot] = k
        loss_of[groups, objective.slot] = names[objective.slot].index(objective.loss)
    return of, loss_of


def _class_weights(layout: Layout, objectives: Sequence[Objective]) -> Tensor:
    classes = max([2, *(slot.units for slot in layout.slots)])
    weights = torch.ones(len(objectives), classes)
    for k, objective in enumerate(objectives):
        if objective.class_weight is not None:
            weights[k, : len(objective.class_weight)] = torch.tensor(objective.class_weight)
    return weights


def weights_of(model: nn.Module) -> list[nn.Parameter]:
    """The parameters that l1 and l2 hold down: weights and embeddings that learn, not biases."""
    named = model.named_parameters()
    return [parameter for name, parameter in named if parameter.requires_grad and not name.endswith("bias")]


@torch.no_grad()
def add_penalty_gradient(weights: Sequence[nn.Parameter], *, l1: float, l2: float) -> None:
    """Add λ₁ sign θ + 2 λ₂ θ, the gradient of λ₁ Σ|θ| + λ₂ Σ θ², to each weight's gradient, without building its graph."""
    gradients = [weight.grad if weight.grad is not None else torch.zeros_like(weight) for weight in weights]
    if l2 and weights:
        torch._foreach_add_(gradients, list(weights), alpha=2 * l2)
    if l1 and weights:
        torch._foreach_add_(gradients, torch._foreach_sign(list(weights)), alpha=l1)
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
