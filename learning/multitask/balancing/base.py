"""What every balancing method offers: a spec, and the gradients of one training step."""

from abc import ABC, abstractmethod

from pydantic import BaseModel, ConfigDict
from torch import Tensor

from learning.multitask.sharing.base import SharedModel


class BalancingSpec(BaseModel, ABC):
    """What a user says of the way to weigh tasks against each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:
        """Add to each parameter's gradient what this step asks of it.

        Args:
            losses: ``[K]``, one per objective, with their graph; 0 for an objective that the batch does not hold.
            weights: ``[K]``, the weights that the user gave, not negative, sum above 0.
            model: whose parameters ``losses`` depend on; methods that treat trunk and heads apart read it.
        """
