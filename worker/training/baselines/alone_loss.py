"""Losses of many members at once, row by row."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from worker.training.baselines.task_data import TaskData


def row_losses(task: TaskData, outputs: Tensor, labels: Tensor) -> Tensor:
    """Return ``[M, n]`` losses of raw outputs ``[M, n, O]`` against labels ``[M, n]``; ``task`` names the loss."""
    if task.type == "multiclass":
        flat = functional.cross_entropy(outputs.flatten(0, 1), labels.flatten().long(), reduction="none")
        return flat.view(labels.shape)
    output = outputs.squeeze(-1)
    if task.type == "binary":
        return functional.binary_cross_entropy_with_logits(output, labels, reduction="none")
    if task.loss == "mae":
        return (output - labels).abs()
    return (
        functional.huber_loss(output, labels, reduction="none") if task.loss == "huber" else (output - labels).square()
    )


def label_weights(task: TaskData, labels: NDArray[np.float64], class_weight: str | None) -> NDArray[np.float64]:
    """Return the weight ``[n]`` of each label: 1, or when balanced, rows / (classes · rows of its class) in training."""
    if task.type == "regression" or class_weight is None or len(task.train) == 0:
        return np.ones(len(labels))
    counts = np.bincount(task.train.labels.astype(np.int64), minlength=task.classes)
    weights = len(task.train) / (task.classes * np.maximum(counts, 1.0))
    return weights[labels.astype(np.int64)]


def probabilities(task: TaskData, outputs: Tensor) -> NDArray[np.float64]:
    """Return what raw outputs ``[n, O]`` say: ``[n]`` values or probabilities of class 1, or ``[n, classes]``."""
    exact = outputs.double()
    if task.type == "multiclass":
        exact = exact.softmax(-1)
    elif task.type == "binary":
        exact = exact.squeeze(-1).sigmoid()
    else:
        exact = exact.squeeze(-1)
    answer: NDArray[np.float64] = exact.cpu().numpy()
    return answer
