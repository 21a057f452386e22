"""What every balancing method offers: a spec, and what it builds: the gradients of each training step."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from learning.losses import Objective
from learning.multitask.sharing.base import SharedModel


class Balancer(nn.Module, ABC):
    """Turns the losses of a step into gradients.

    What it learns itself are its parameters: they join the optimiser, without l1 and l2, and the checkpoints. What it
    draws comes from torch's own generator, which is seeded at each epoch's start, so that a resumed run draws the same.
    """

    @abstractmethod
    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:
        """Add to each parameter's gradient what this step asks of it.

        Args:
            losses: ``[K]``, one per objective, with their graph; 0 for an objective that the batch does not hold.
            weights: ``[K]``, the weights that the user gave, not negative, sum above 0.
            model: whose parameters ``losses`` depend on; methods that treat trunk and heads apart read it.
        """


class BalancingSpec(BaseModel, ABC):
    """What a user says of the way to weigh tasks against each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def build(self, objectives: Sequence[Objective]) -> Balancer:
        """Return the method for these K objectives, before its first step."""


class WeightedSum(Balancer):
    """The gradient of Σ_k w_k L_k: what is left of every method where there is nothing to balance."""

    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:  # noqa: ARG002  # the sum treats all parameters alike
        # Σ_k w_k ∂L_k/∂θ is the product of the weights with the Jacobian of the losses: no sum need be built first.
        torch.autograd.backward(losses, weights)
