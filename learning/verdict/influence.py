"""How much each test row moves a task's loss: influence values of rmse, error rate and 1 − auc (METHODS.md D).

For a loss L of n rows, ψ(i) is the derivative of log L with respect to the weight of row i, times n: the values sum to
zero, and var(ψ)/n estimates the variance of log L over the drawing of the rows (the infinitesimal jackknife: Jaeckel
1972; for the auc DeLong, DeLong and Clarke-Pearson, Biometrics 1988).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from learning.metrics import decided
from learning.tasks import Metric

Floats = NDArray[np.float64]

#: An rmse below this many standard deviations of the labels is taken for this: rounding, no longer learning.
RMSE_FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Influence:
    """The loss of one arm under one seed, and what each test row contributes to it.

    loss: L > 0, lifted to its floor. values: ψ ``[n]``, the influence of each row on log L, sums to 0.
    at_floor: whether the arm made no error that n rows could show. floor_variance: the variance of log L that the half
    error of the floor stands for; without it an arm without errors would look certain.
    """

    loss: float
    values: Floats
    at_floor: bool
    floor_variance: float


def influence(metric: Metric, labels: NDArray[np.floating], output: NDArray[np.floating]) -> Influence | None:
    """Return the loss and the influence values of one arm, or None where the test rows cannot measure it.

    Args:
        metric: The task's primary metric.
        labels: ``[n]``, raw units, or class indices.
        output: ``[n]`` predictions (regression) or probabilities of class 1, or ``[n, classes]`` probabilities.

    None: fewer than two rows, one class in the rows, or a perfect fit of constant labels.
    """
    if len(labels) < 2:
        return None
    if metric == "rmse":
        return _rmse(labels.astype(np.float64), output.astype(np.float64))
    if (labels == labels[0]).all():
        return None
    return _error_rate(labels, output) if metric == "accuracy" else _one_minus_auc(labels, output)


def loss_floor(metric: str, labels: NDArray[np.floating]) -> float:
    """Return the loss at or below which an arm made no error that these test rows ``[n]`` can show (METHODS.md D).

    Half an error of n, half a disordered pair of n₊ n₋, or `RMSE_FLOOR` standard deviations.
    """
    if metric == "rmse":
        return RMSE_FLOOR * _spread(labels.astype(np.float64)) if len(labels) else 0.0
    positive = int((labels == 1).sum())
    return 0.5 / max(1, positive * (len(labels) - positive) if metric == "roc_auc" else len(labels))


def _rmse(labels: Floats, output: Floats) -> Influence | None:
    errors = output - labels
    # squares of raw units up to 1e150 would overflow: in units of the largest error
    largest, floor = _largest(errors), loss_floor("rmse", labels)
    squares = np.square(errors / largest) if largest else errors
    mean = float(squares.mean())
    loss = float(np.sqrt(mean)) * largest
    if loss <= floor:
        return Influence(floor, np.zeros(len(labels)), at_floor=True, floor_variance=0.0) if floor else None
    return Influence(loss, (squares / mean - 1.0) / 2.0, at_floor=False, floor_variance=0.0)


def _spread(labels: Floats) -> float:
    largest = _largest(labels)
    return float(np.std(labels / largest)) * largest if largest else 0.0


def _largest(values: Floats) -> float:
    return float(np.abs(values).max())


def _error_rate(labels: NDArray[np.floating], output: NDArray[np.floating]) -> Influence:
    # (k + 1/2)/(n + 1): the half error keeps the logarithm finite at k = 0 (Haldane 1956, Anscombe 1956)
    wrong = (decided(output) != labels).astype(np.float64)
    n, k = len(wrong), float(wrong.sum())
    values = (wrong - k / n) * n / (k + 0.5)
    return Influence((k + 0.5) / (n + 1.0), values, at_floor=k == 0.0, floor_variance=_half_error(k))


def _one_minus_auc(labels: NDArray[np.floating], output: NDArray[np.floating]) -> Influence:
    positive = labels == 1
    n_positive = int(positive.sum())
    n_negative = len(labels) - n_positive
    ranks = rankdata(output)
    # placement values: the share of the other class that the row is on the right side of, ties counting half
    placement = np.empty(len(labels))
    placement[positive] = (ranks[positive] - rankdata(output[positive])) / n_negative
    placement[~positive] = 1.0 - (ranks[~positive] - rankdata(output[~positive])) / n_positive
    auc = float(placement[positive].mean())
    pairs = n_positive * n_negative
    disordered = (1.0 - auc) * pairs
    if disordered <= 0.5:
        return Influence(
            loss_floor("roc_auc", labels), np.zeros(len(labels)), at_floor=True, floor_variance=_half_error(0.0)
        )
    share = np.where(positive, n_positive, n_negative) / len(labels)
    values = -(placement - auc) / share / (1.0 - auc)
    return Influence(1.0 - auc, values, at_floor=False, floor_variance=_half_error(disordered))


def _half_error(errors: float) -> float:
    """Return the variance of log(errors + 1/2) that half an error carries when it is counted like a Poisson number."""
    return 0.5 / (errors + 0.5) ** 2
