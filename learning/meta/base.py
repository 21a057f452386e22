"""What every meta-learning method offers: a learner, its meta-gradient over a batch of tasks, and adaptation to new ones."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from learning.meta.batching import each
from learning.networks.base import InputShape, NetworkSpec, Trunk
from learning.networks.normalisation import normalises, statistics

#: What a task asks for: a number (one output), or one of ``ways`` classes (as many logits, also for two).
Question = Literal["regression", "classification"]
#: Of networks with layers of normalisation: whether an answer may depend on the rows that are asked with it.
Norm = Literal["inductive", "transductive"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of B tasks, equally many of each: ``numeric`` ``[B, n, p]``, ``category`` ``[B, n, q]`` int64, ``labels`` ``[B, n]``.

    A label is the standardised target of a regression, or the index of a class from 0 to ways − 1. Inside a function of
    one task (`learning.meta.batching`) the dimension B is gone.
    """

    numeric: Tensor
    category: Tensor
    labels: Tensor

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.numeric, self.category, self.labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, tasks: slice) -> "Rows":
        """The rows of some of the tasks."""
        return Rows(self.numeric[tasks], self.category[tasks], self.labels[tasks])

    def then(self, others: "Rows") -> "Rows":
        """The rows of both, those of ``others`` behind, task by task."""
        along = self.labels.dim() - 1
        return Rows(*(torch.cat(both, along) for both in zip(self.tensors, others.tensors, strict=True)))


@dataclass(frozen=True, slots=True)
class Episodes:
    """B tasks: what each learns from, and what it is then asked."""

    support: Rows
    query: Rows


class Learner(nn.Module):
    """A trunk, and for a method that has one a head for every task: ``weight`` ``[ways, h]`` and ``bias`` ``[ways]``."""

    def __init__(
        self, trunk: Trunk, question: Question, *, ways: int | None, normalisation: Norm = "inductive"
    ) -> None:
        """Args: ``ways``: the outputs of the head, None for a method whose head comes from the support alone."""
        super().__init__()
        self.trunk = trunk
        self.question: Question = question
        self.normalisation: Norm = normalisation
        self.normalises = normalises(trunk)
        self.head = None if ways is None else nn.Linear(trunk.out_features, ways)

    def forward(self, numeric: Tensor, category: Tensor) -> Tensor:
        """Return the raw outputs ``[n, ways]`` of the learner as it is, with the head that it has."""
        assert self.head is not None
        outputs: Tensor = self.head(self.trunk(numeric, category))
        return outputs


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
    #: Whether the method is for classification only; a job with a regression is then refused, ``method-needs-classes``.
    needs_classes: ClassVar[bool] = False

    def build(
        self,
        network: NetworkSpec,
        inputs: InputShape,
        question: Question,
        *,
        ways: int,
        normalisation: Norm = "inductive",
    ) -> Learner:
        """Return a freshly initialised learner; its randomness is torch's global generator."""
        trunk = network.build(inputs)
        return Learner(trunk, question, ways=ways if self.has_head else None, normalisation=normalisation)

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


@contextmanager
def evaluating(learner: Learner) -> Iterator[None]:
    """Within, the learner drops no units and its running statistics stay; it trains on afterwards if it did before."""
    if not learner.training:  # as in serving, where several threads share it: nothing is switched
        yield
        return
    learner.eval()
    try:
        yield
    finally:
        learner.train()


def answers(learner: Learner, adapted: Adapted, rows: Rows) -> Tensor:
    """Return the raw outputs ``[B, n, ways]`` of each task's own model on its rows, detached.

    Transductive learners normalise each task's rows by themselves, as they are served later.
    """

    def forward(numeric: Tensor, category: Tensor, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"z": functional_call(learner.trunk, dict(own), (numeric, category))}

    with evaluating(learner), torch.no_grad():
        if adapted.trunk:
            with statistics() if learner.normalisation == "transductive" else nullcontext():
                z = each(learner.trunk, forward, rows.numeric, rows.category, adapted.trunk)["z"]
        else:
            z = represented(learner, rows)
        return torch.einsum("bnh,boh->bno", z, adapted.weight) + adapted.bias.unsqueeze(1)


def represented(learner: Learner, rows: Rows) -> Tensor:
    """Return the representations ``[B, n, h]`` of all rows; of a transductive learner each task's rows by themselves."""
    if learner.normalisation == "inductive" or not learner.normalises:
        return embedded(learner.trunk, rows)

    def forward(numeric: Tensor, category: Tensor) -> dict[str, Tensor]:
        return {"z": learner.trunk(numeric, category)}

    with statistics():
        return each(learner.trunk, forward, rows.numeric, rows.category)["z"]


def embedded(trunk: Trunk, rows: Rows) -> Tensor:
    """Return the representations ``[B, n, h]`` of all rows by one trunk, in passes of as many rows as suit it.

    In training the rows of a pass see each other where a trunk has layers of normalisation. Rows then take turns in
    joining a pass, so that each has a share of all tasks and classes: Hoffer et al., *Train longer, generalize better*,
    algorithm 1, ghost batches (https://arxiv.org/abs/1705.08741).
    """
    tasks, count = rows.labels.shape
    numeric, category = rows.numeric.flatten(0, 1), rows.category.flatten(0, 1)
    most = trunk.rows_at_once(numeric.device) or max(1, tasks * count)
    passes = -(-len(numeric) // most)
    if passes <= 1:
        z: Tensor = trunk(numeric, category)
    elif trunk.training and normalises(trunk):
        places = torch.arange(len(numeric), device=numeric.device)
        turns = torch.cat([places[start::passes] for start in range(passes)])
        z = torch.cat([trunk(numeric[start::passes], category[start::passes]) for start in range(passes)])
        z = z[turns.argsort()]
    else:
        parts = zip(torch.split(numeric, most), torch.split(category, most), strict=True)
        z = torch.cat([trunk(*part) for part in parts])
    return z.view(tasks, count, -1)


def loss(outputs: Tensor, labels: Tensor, question: Question) -> Tensor:
    """Return the mean loss of one task: mse of ``outputs`` ``[n, 1]``, or the negative log likelihood of ``[n, ways]`` logits."""
    if question == "regression":
        return functional.mse_loss(outputs.squeeze(-1), labels)
    return functional.cross_entropy(outputs, labels.long())
