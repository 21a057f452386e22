"""Two stored models on the same rows: how much better one is, over the drawing of the rows.

There is no part for seeds: the models are what they are, and the question is about them, not about the training that
made them. With ψ the influence values of `learning.verdict.influence` and θ = log L_first − log L_second, the interval is
1 − e^(−(θ ± t s)), s² the variance of the mean of ψ_first − ψ_second plus what the half errors of the floors stand for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from learning.tasks import Metric
from learning.verdict.comparison import mean_variance
from learning.verdict.influence import influence
from learning.verdict.verdict import LEVEL

#: No interval reaches a loss a million times larger or smaller; beyond, a figure says nothing more.
_MAX_LOG_RATIO = float(np.log(1e6))


@dataclass(frozen=True, slots=True)
class Difference:
    """``gain`` of the second over the first, a relative reduction of the loss, and its 95 % ``interval``."""

    gain: float
    interval: tuple[float, float]


def paired(
    metric: Metric, labels: NDArray[np.floating], first: NDArray[np.floating], second: NDArray[np.floating]
) -> Difference | None:
    """Compare two fixed models on the rows that both answered.

    Args:
        labels: ``[n]``, raw units, or class indices.
        first, second: ``[n]`` or ``[n, classes]``, what each answered.

    Returns:
        None where the rows say nothing: neither made an error that they can show, one class in them, or fewer than two
        rows (for the auc of either class).
    """
    classes = labels.astype(np.int64) if metric == "roc_auc" else np.zeros(len(labels), np.int64)
    units = int(np.unique(classes, return_counts=True)[1].min()) if len(labels) else 0
    arms = influence(metric, labels, first), influence(metric, labels, second)
    if units < 2 or arms[0] is None or arms[1] is None or (arms[0].at_floor and arms[1].at_floor):
        return None
    theta = np.log(arms[0].loss) - np.log(arms[1].loss)
    variance = mean_variance(arms[0].values - arms[1].values, classes=classes)
    if not np.array_equal(first, second):  # the half error of a floor is uncertain, unless both made the same errors
        variance += arms[0].floor_variance + arms[1].floor_variance
    reach = -stdtrit(units - 1, LEVEL / 2) * np.sqrt(variance)
    gain, low, high = (
        float(-np.expm1(-end))
        for end in np.clip([theta, theta - reach, theta + reach], -_MAX_LOG_RATIO, _MAX_LOG_RATIO)
    )
    return Difference(gain, (low, high))
