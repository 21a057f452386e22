"""What every meta-learning method offers: a learner, its meta-gradient over a batch of tasks, and adaptation to new ones."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn import functional

from learning.networks.base import InputShape, NetworkSpec, Trunk

#: What a task asks for: a number (one output), or one of ``ways`` classes (as many logits, also for two).
Question = Literal["regression", "classification"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of B tasks, equally many of each: ``numeric`` ``[B, n, p]``, ``category`` ``[B, n, q]`` int64, ``labels`` ``[B, n]``.

    A label is the standardised target of a regression, or the index of a class from 0 to ways − 1.
    """

    numeric: Tensor
    category: Tensor
    labels: Tensor


@dataclass(frozen=True, slots=True)
class Episodes:
    """B tasks: what each learns from, and what it is then asked."""

    support: Rows
    query: Rows


class Learner(nn.Module):
    """A trunk, and for a method that has one a head for every task: ``weight`` ``[ways, h]`` and ``bias`` ``[ways]``."""

    def __init__(self, trunk: Trunk, question: Question, *, ways: int | None) -> None:
        """Args: ``ways``: the outputs of the head, None for a method whose head comes from the support alone."""
        super().__init__()
        self.trunk = trunk
        self.question: Question = question
        self.head = None if ways is None else nn.Linear(trunk.out_features, ways)


@dataclass(frozen=True, slots=True)
class Adapted:
    """What B tasks have of their own, detached: heads ``weight`` ``[B, ways, h]`` and ``bias`` ``[B, ways]``, and trunks.

    trunk: the tensors of each task's trunk by name, stacked ``[B, …]``; empty where it is the learner's, bit for bit.
    """

    weight: Tensor
    bias: Tensor
    trunk: Mapping[str, Tensor]


class MetaSpec(BaseModel, ABC):
    """What a user says of the way to meta-learn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Whether the learner has a head of its own, which fixes the number of classes that a task may have.
    has_head: ClassVar[bool]

    def build(self, network: NetworkSpec, inputs: InputShape, question: Question, *, ways: int) -> Learner:
        """Return a freshly initialised learner; its randomness is torch's global generator."""
        return Learner(network.build(inputs), question, ways=ways if self.has_head else None)

    @abstractmethod
    def add_gradient(self, learner: Learner, episodes: Episodes, *, ways: int) -> Tensor:
        """Add the meta-gradient, the mean over the tasks, to the learner's parameters and return the losses ``[B]``.

        The losses are those of the queries after adaptation, mean over each task's rows.
        """

    @abstractmethod
    def adapt(self, learner: Learner, support: Rows, *, ways: int, steps: int | None = None) -> Adapted:
        """Return what the tasks learn from their supports; the learner stays as it is, bit for bit.

        Args:
            steps: how many inner steps, by default those that the method is evaluated with; methods without steps ignore it.
        """


def answers(learner: Learner, adapted: Adapted, rows: Rows) -> Tensor:
    """Return the raw outputs ``[B, n, ways]`` of each task's own model on its rows."""
    if adapted.trunk:

        def forward(tensors: Mapping[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
            z: Tensor = functional_call(learner.trunk, dict(tensors), (numeric, category))
            return z

        z = vmap(forward)(dict(adapted.trunk), rows.numeric, rows.category)
    else:
        z = embedded(learner.trunk, rows)
    return torch.einsum("bnh,boh->bno", z, adapted.weight) + adapted.bias.unsqueeze(1)


def embedded(trunk: Trunk, rows: Rows) -> Tensor:
    """Return the representations ``[B, n, h]`` of all rows by one trunk, in one pass."""
    tasks, count = rows.numeric.shape[:2]
    z: Tensor = trunk(rows.numeric.flatten(0, 1), rows.category.flatten(0, 1))
    return z.view(tasks, count, -1)


def loss(outputs: Tensor, labels: Tensor, question: Question) -> Tensor:
    """Return the mean loss of one task: mse of ``outputs`` ``[n, 1]``, or the negative log likelihood of ``[n, ways]`` logits."""
    if question == "regression":
        return functional.mse_loss(outputs.squeeze(-1), labels)
    return functional.cross_entropy(outputs, labels.long())
