"""The optimiser that a training spec asks for, and its schedule."""

import math

import torch
from torch import nn

from learning.parts import TrainingSpec


def build_optimizer(model: nn.Module, training: TrainingSpec) -> torch.optim.Optimizer:
    """Return the optimiser over all parameters of ``model``; λ₂‖θ‖² is a term of the loss, not its decay."""
    parameters = list(model.parameters())
    if training.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=training.learning_rate, momentum=0.9, fused=True)
    return torch.optim.AdamW(parameters, lr=training.learning_rate, weight_decay=0.0, fused=True)


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
