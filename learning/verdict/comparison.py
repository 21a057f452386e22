"""Two arms on the same test rows: what rows and seeds say of one task, before the job's other tasks are asked.

Arms: a = shared, R_a seeds; b = single-task, R_b seeds. With ψ the influence values of `learning.verdict.influence`:
θ = mean_s log L_b,s − mean_s log L_a,s, and f = mean_s ψ_b,s − mean_s ψ_a,s is what each row has to do with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.tasks import Metric
from learning.verdict.influence import Influence, influence

#: Single-task training is cheap when batched, and one seed says nothing of the seeds.
MIN_ALONE = 3


@dataclass(frozen=True)
class Comparison:
    """What one task's test rows say, before the job's other tasks are asked.

    theta: θ, the log of the loss alone over the loss shared.
    rows: s²_rows, the variance of θ over the drawing of the test rows, for the networks as they were trained.
    seeds: v, the variance of log L between seeds, pooled over the arms, with ``freedom`` degrees of freedom.
    noise: w, the part of v that the drawing of the test rows makes; s²_rows holds it too.
    shared, alone: R_a, R_b.
    units: independent units of the test part, rows or groups; for the auc those of the rarer class, which bound what
    it can be known by.
    """

    theta: float
    rows: float
    seeds: float
    noise: float
    freedom: int
    shared: int
    alone: int
    units: int


def compare(
    metric: Metric,
    labels: NDArray[np.floating],
    shared: Sequence[NDArray[np.floating]],
    alone: Sequence[NDArray[np.floating]],
    *,
    clusters: NDArray[np.integer] | None = None,
) -> Comparison | None:
    """Compare the outputs of a task's two arms on the same test rows.

    Args:
        metric: The task's primary metric.
        labels: ``[n]`` the test labels.
        shared: One output per seed of the shared model, ``[n]`` or ``[n, classes]`` each.
        alone: One output per seed of the single-task model, at least `MIN_ALONE` of them.
        clusters: ``[n]`` the group of each row where groups, not rows, were split; None where rows were.

    Returns:
        None where nothing can be said: both arms at the floor, one class in the test rows, or fewer than two rows (or
        groups; for the auc of either class).
    """
    if len(shared) < 1 or len(alone) < MIN_ALONE:
        raise ValueError(f"expected 1 shared seed and {MIN_ALONE} alone at least, found {len(shared)} and {len(alone)}")
    _, groups = (None, None) if clusters is None else np.unique(clusters, return_inverse=True)
    classes = labels.astype(np.int64) if metric == "roc_auc" else np.zeros(len(labels), np.int64)
    units = _units(classes, groups)
    a = [influence(metric, labels, output) for output in shared]
    b = [influence(metric, labels, output) for output in alone]
    arms = [found for found in (*a, *b) if found is not None]
    if units < 2 or len(arms) < len(a) + len(b) or all(found.at_floor for found in arms):
        return None
    return _comparison(
        arms[: len(a)], arms[len(a) :], lambda values: mean_variance(values, classes=classes, groups=groups), units
    )


def _units(classes: NDArray[np.int64], groups: NDArray[np.integer] | None) -> int:
    """Return how many rows, or groups, hold the class that fewest do."""
    held = [np.flatnonzero(classes == each) for each in np.unique(classes)]
    return min((len(rows) if groups is None else len(np.unique(groups[rows])) for rows in held), default=0)


def _comparison(
    a: Sequence[Influence], b: Sequence[Influence], variance: Callable[[NDArray[np.float64]], float], units: int
) -> Comparison:
    logs = [np.log([found.loss for found in arm]) for arm in (a, b)]
    values = [np.stack([found.values for found in arm]) for arm in (a, b)]
    freedom = len(a) + len(b) - 2
    # the means of the two arms are subtracted, so are the two variances added, whatever the arms' seeds share
    floor = sum(float(np.mean([found.floor_variance for found in arm])) for arm in (a, b))
    return Comparison(
        theta=float(logs[1].mean() - logs[0].mean()),
        rows=variance(values[1].mean(axis=0) - values[0].mean(axis=0)) + floor,
        seeds=float(sum(((log - log.mean()) ** 2).sum() for log in logs)) / freedom,
        noise=sum(variance(row) for value in values for row in value - value.mean(axis=0)) / freedom,
        freedom=freedom,
        shared=len(a),
        alone=len(b),
        units=units,
    )


def mean_variance(
    values: NDArray[np.float64], *, classes: NDArray[np.int64], groups: NDArray[np.integer] | None = None
) -> float:
    """Return the variance of the mean of ``values`` ``[n]``.

    Σ_c n_c var(values of class c)/n²: the classes are counted apart, since the auc's placement values of a class with
    few rows hang together (DeLong, DeLong and Clarke-Pearson, Biometrics 1988). Over groups G var(F)/n², F the sums of
    the G groups.

    Args:
        classes: ``[n]``, all equal where the metric knows no classes; each holds two rows at least.
        groups: ``[n]``, 0 to G − 1.
    """
    n = len(values)
    if groups is None:
        members = [values[classes == each] for each in np.unique(classes)]
        return sum(len(own) * float(own.var(ddof=1)) for own in members) / n**2
    sums = np.bincount(groups, weights=values)
    return len(sums) * float(sums.var(ddof=1)) / n**2
