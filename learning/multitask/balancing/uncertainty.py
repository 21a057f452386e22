"""Weights learned as the noise of each task."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from learning.losses import Objective
from learning.multitask.balancing.base import Balancer, BalancingSpec, WeightedSum
from learning.multitask.sharing.base import SharedModel


class Uncertainty(BalancingSpec):
    """Each loss divided by a noise that is learned with the weights, s_k = log σ_k².

    L = Σ_k w_k (½ e^(−s_k) L_k + ½ s_k) for a regression, w_k (e^(−s_k) L_k + ½ s_k) for a classification: Kendall, Gal
    and Cipolla, *Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics*, CVPR 2018,
    eqs. 7 and 10 (https://arxiv.org/abs/1705.07115). With L_k held still, s_k rests at log L_k, or log 2 L_k, so that
    noisy tasks weigh less. The s_k start at 0 and are learned with the job's optimiser at its rate, without l1 and l2.

    Where we differ: w_k, the user's weights, stand before the whole term, since one before L_k alone would be learned
    away; the mae and huber of a regression take the form of its squared error; s_k rests in a step whose batch does
    not hold the task; and a single task is trained as it is, for there is nothing to weigh it against.

    Example:
        >>> from learning.losses import Objective
        >>> balancer = Uncertainty().build([Objective(0, "mse"), Objective(1, "log_loss")])
        >>> balancer.total(torch.tensor([2.0, 5.0]), torch.ones(2))
        tensor(6., grad_fn=<DotBackward0>)
    """

    name: Literal["uncertainty"] = "uncertainty"

    def build(self, objectives: Sequence[Objective]) -> Balancer:
        return WeightedSum() if len(objectives) == 1 else LearnedNoise(objectives)


class LearnedNoise(Balancer):
    """``log_variance`` ``[K]`` is s, ``precision_factor`` ``[K]`` the ½ of a regression or the 1 of a classification."""

    precision_factor: Tensor

    def __init__(self, objectives: Sequence[Objective]) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(len(objectives)))
        factors = torch.tensor([1.0 if objective.loss == "log_loss" else 0.5 for objective in objectives])
        self.register_buffer("precision_factor", factors, persistent=False)

    def total(self, losses: Tensor, weights: Tensor) -> Tensor:
        """Return the one loss of losses ``[K]`` under the user's weights ``[K]``."""
        # an absent task has loss 0; its ½ s_k alone would pull s_k down without end
        held = (losses.detach() > 0).to(losses.dtype)
        noise = self.log_variance * held
        return torch.dot(weights, self.precision_factor * torch.exp(-noise) * losses + 0.5 * noise)

    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:  # noqa: ARG002  # trunk and heads alike
        torch.autograd.backward(self.total(losses, weights))


METHOD = Uncertainty
