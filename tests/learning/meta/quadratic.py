"""The smallest learner: one number θ, and tasks whose losses are parabolas in it (METHODS.md 4.5)."""

import math
from typing import Any

import torch
from torch import Tensor

from learning.meta.base import Episodes, Learner, Rows
from learning.networks.base import Trunk

A, S, B, Q, ALPHA, THETA = 2.0, 3.0, 1.0, -1.0, 0.1, 1.0


class Identity(Trunk):
    """Nothing to learn: the representation of a row is its numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.out_features = width

    def forward(self, numeric: Tensor, category: Tensor) -> Tensor:
        return numeric


class ByTask(Identity):
    """The same, computed one task after the other."""

    def batched_over_tasks(self, device: torch.device) -> bool:
        return False


def learner(trunk=None):
    """f(x) = θx + β at θ = 1, β = 0."""
    made: Any = Learner(trunk or Identity(1), "regression", ways=1)
    with torch.no_grad():
        made.head.weight.fill_(THETA)
        made.head.bias.zero_()
    return made


def parabola(curvature, lowest, tasks=1):
    """Two rows on which f costs curvature / 2 · (θ − lowest)² + β²: nothing moves β from 0, nor does β move θ."""
    x = math.sqrt(curvature / 2) * torch.tensor([1.0, -1.0])
    return Rows(
        x.view(1, 2, 1).repeat(tasks, 1, 1), torch.zeros(tasks, 2, 0, dtype=torch.long), (x * lowest).repeat(tasks, 1)
    )


def episodes(tasks=1):
    """L_support = a/2 (θ − s)², L_query = b/2 (θ − q)²."""
    return Episodes(parabola(A, S, tasks), parabola(B, Q, tasks))
