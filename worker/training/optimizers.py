"""The optimiser that a training spec asks for, and its schedule."""

import math
from collections.abc import Iterable
from typing import Literal, Protocol

import torch
from torch import nn

from learning.losses import weights_of
from learning.specs import TrainingSpec


class Optimisation(Protocol):
    """What a training says of its optimiser, whatever kind of job it is of."""

    @property
    def optimizer(self) -> Literal["adamw", "sgd"]: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def l2(self) -> float: ...


def build_optimizer(
    model: nn.Module, training: Optimisation, *, beside: Iterable[nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """Return the optimiser over all parameters of ``model``, and of those ``beside`` it, which no penalty holds down.

    λ₂‖θ‖² is a term of the loss: its gradient 2 λ₂ θ is what the fused kernels call weight decay, in ``Adam`` and in
    ``SGD``. (``AdamW`` decays apart from the gradient; with l2 in the loss there is nothing left for it to decay.)
    """
    weights = weights_of(model)
    known = {id(weight) for weight in weights}
    groups = [
        {"params": weights, "weight_decay": 2.0 * training.l2},
        {"params": [*(p for p in model.parameters() if id(p) not in known), *beside], "weight_decay": 0.0},
    ]
    if training.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=training.learning_rate, momentum=0.9, fused=True)
    return torch.optim.Adam(groups, lr=training.learning_rate, fused=True)


def set_learning_rate(optimizer: torch.optim.Optimizer, training: TrainingSpec, epoch: int) -> None:
    """Set the rate of one epoch: a function of the epoch alone, so that a resumed run needs no scheduler state."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(training, epoch)


def learning_rate(training: TrainingSpec, epoch: int) -> float:
    """Return the rate in ``epoch`` (from 0); cosine falls from the full rate towards 0 at the last epoch's end.

    Loshchilov and Hutter, *SGDR*, ICLR 2017, eq. 5 without restarts (https://arxiv.org/abs/1608.03983).
    """
    if training.schedule == "cosine":
        return training.learning_rate * 0.5 * (1.0 + math.cos(math.pi * epoch / training.epochs))
    return training.learning_rate
