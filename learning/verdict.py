"""Did sharing help? The comparison of a shared model with single-task training, per task (METHODS.md D, sharpened).

The question is whether the expected loss under sharing is lower than alone, over the drawing of the test rows *and* of
the seeds. Arms: a = shared, R_a seeds; b = single-task, R_b seeds. With ψ the influence values of `learning.influence`:

θ = mean_s log L_b,s − mean_s log L_a,s, so the gain is 1 − e^(−θ);

s² = s²_rows + (v′ − w) (1/R_a + 1/R_b), where s²_rows is the variance of the mean of f = mean_s ψ_b,s − mean_s ψ_a,s
over the rows (over the groups where rows come in groups), v the variance of log L between seeds, v′ the same moderated
over the tasks of the job, and w the part of v that the drawing of the rows makes. The recipe adds v′ whole, but f holds
w (1/R_a + 1/R_b) already: without the subtraction the same noise is paid twice, and power is lost for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma
from scipy.stats import t as student

from learning.influence import Influence, Metric, influence

Call = Literal["helped", "hurt", "neutral", "inconclusive"]

LEVEL = 0.05
NEUTRAL = 0.02
#: Prior degrees of freedom of the seed variance: how many seeds' worth of trust the job's other tasks lend to one.
PRIOR_FREEDOM = 4.0
MIN_ALONE = 3
MAX_REPEATS = 100


@dataclass(frozen=True)
class Comparison:
    """What one task's test rows say, before the job's other tasks are asked.

    theta: log of the loss alone over the loss shared. rows: s²_rows. seeds: v, with ``freedom`` degrees of freedom.
    noise: w. shared, alone: R_a, R_b. units: independent units of the test part, rows or groups.
    """

    theta: float
    rows: float
    seeds: float
    noise: float
    freedom: int
    shared: int
    alone: int
    units: int


@dataclass(frozen=True)
class Verdict:
    """What the user reads: ``gain`` and the 95 % ``interval`` are relative reductions of the loss by sharing.

    repeats: for an inconclusive task, how many repeats would decide it, were its gain as measured; None when more
    repeats cannot (only more test rows can) or when it is decided.
    """

    gain: float
    interval: tuple[float, float]
    p: float
    verdict: Call
    repeats: int | None


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
        groups).
    """
    if len(shared) < 1 or len(alone) < MIN_ALONE:
        raise ValueError(f"expected 1 shared seed and {MIN_ALONE} alone at least, found {len(shared)} and {len(alone)}")
    _, groups = (None, None) if clusters is None else np.unique(clusters, return_inverse=True)
    units = len(labels) if groups is None else int(groups.max(initial=-1)) + 1
    a = [influence(metric, labels, output) for output in shared]
    b = [influence(metric, labels, output) for output in alone]
    arms = [found for found in (*a, *b) if found is not None]
    if units < 2 or len(arms) < len(a) + len(b) or all(found.at_floor for found in arms):
        return None
    return _comparison(arms[: len(a)], arms[len(a) :], groups, units)


def _comparison(
    a: Sequence[Influence], b: Sequence[Influence], groups: NDArray[np.integer] | None, units: int
) -> Comparison:
    logs = [np.log([found.loss for found in arm]) for arm in (a, b)]
    values = [np.stack([found.values for found in arm]) for arm in (a, b)]
    freedom = len(a) + len(b) - 2
    # the means of the two arms are subtracted, so are the two variances added, whatever the arms' seeds share
    floor = sum(float(np.mean([found.floor_variance for found in arm])) for arm in (a, b))
    return Comparison(
        theta=float(logs[1].mean() - logs[0].mean()),
        rows=mean_variance(values[1].mean(axis=0) - values[0].mean(axis=0), groups) + floor,
        seeds=float(sum(((log - log.mean()) ** 2).sum() for log in logs)) / freedom,
        noise=sum(mean_variance(row, groups) for value in values for row in value - value.mean(axis=0)) / freedom,
        freedom=freedom,
        shared=len(a),
        alone=len(b),
        units=units,
    )


def mean_variance(values: NDArray[np.float64], groups: NDArray[np.integer] | None = None) -> float:
    """Return the variance of the mean of ``values`` ``[n]``: var/n, or G·var(F)/n² over the sums F of G groups.

    groups: ``[n]``, 0 to G − 1.
    """
    n = len(values)
    if groups is None:
        return float(values.var(ddof=1)) / n
    sums = np.bincount(groups, weights=values)
    return len(sums) * float(sums.var(ddof=1)) / n**2


def verdicts(comparisons: Sequence[Comparison | None]) -> list[Verdict | None]:
    """Return the verdict of every task of a job, in the given order; None where the comparison is None.

    The false discovery rate over the tasks is held at `LEVEL` (Benjamini and Hochberg, JRSS B 1995); the intervals are
    each task's own.
    """
    known = [comparison for comparison in comparisons if comparison is not None]
    seeds, prior_freedom = moderated(known)
    p = [_p(comparison, v, prior_freedom) for comparison, v in zip(known, seeds, strict=True)]
    significant = benjamini_hochberg(p)
    # the level at which one more task would have been found beside those that were
    level = LEVEL * min(sum(significant) + 1, len(known)) / max(len(known), 1)
    found = iter(_verdict(*each, prior_freedom, level) for each in zip(known, seeds, p, significant, strict=True))
    return [None if comparison is None else next(found) for comparison in comparisons]


def moderated(comparisons: Sequence[Comparison]) -> tuple[list[float], float]:
    """Return each task's moderated seed variance v′ and the prior degrees of freedom d₀.

    v′ = (d₀ s₀² + d v) / (d₀ + d) with s₀² the geometric mean of v over the tasks, corrected by e^{ψ(d/2)} / (d/2), the
    factor by which the logarithm of a χ²_d / d lies low on average (Smyth, *Linear Models and Empirical Bayes Methods*,
    SAGMB 2004, section 6). Of one task nothing can be borrowed: d₀ = 0.
    """
    positive = [(comparison.seeds, comparison.freedom) for comparison in comparisons if comparison.seeds > 0.0]
    if len(comparisons) < 2 or not positive:
        return [comparison.seeds for comparison in comparisons], 0.0
    prior = float(np.exp(np.mean([np.log(v) - digamma(d / 2) + np.log(d / 2) for v, d in positive])))
    d0 = PRIOR_FREEDOM
    return [(d0 * prior + c.freedom * c.seeds) / (d0 + c.freedom) for c in comparisons], d0


def benjamini_hochberg(p: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which hypotheses are rejected when their false discovery rate is held at ``level``."""
    ranked = np.sort(np.asarray(p, np.float64))
    passing = np.flatnonzero(ranked <= level * np.arange(1, len(ranked) + 1) / max(len(ranked), 1))
    threshold = ranked[passing[-1]] if len(passing) else -1.0
    return [value <= threshold for value in p]


def _error(comparison: Comparison, v: float, prior_freedom: float, repeats: int | None = None) -> tuple[float, float]:
    """Return the standard error of θ and its degrees of freedom by Satterthwaite, as measured or with more repeats."""
    now = 1 / comparison.shared + 1 / comparison.alone
    systematic = max(0.0, comparison.rows - comparison.noise * now)
    if repeats is None:
        factor, freedom = now, prior_freedom + comparison.freedom
    else:
        alone = max(repeats, MIN_ALONE)
        factor, freedom = 1 / repeats + 1 / alone, prior_freedom + repeats + alone - 2
    seeds = v * factor
    variance = systematic + seeds
    if variance == 0.0:
        return 0.0, freedom
    return float(np.sqrt(variance)), variance**2 / (systematic**2 / (comparison.units - 1) + seeds**2 / freedom)


def _p(comparison: Comparison, v: float, prior_freedom: float) -> float:
    error, freedom = _error(comparison, v, prior_freedom)
    if error == 0.0:
        return 1.0 if comparison.theta == 0.0 else 0.0
    return float(2 * student.sf(abs(comparison.theta) / error, freedom))


def _interval(theta: float, error: float, freedom: float) -> tuple[float, float]:
    reach = float(student.ppf(1 - LEVEL / 2, freedom)) * error
    return -float(np.expm1(-(theta - reach))), -float(np.expm1(-(theta + reach)))


def _verdict(c: Comparison, v: float, p: float, significant: bool, prior_freedom: float, level: float) -> Verdict:
    interval = _interval(c.theta, *_error(c, v, prior_freedom))
    call: Call = "inconclusive"
    if significant:
        call = "helped" if c.theta > 0 else "hurt"
    elif _neutral(interval):
        call = "neutral"
    repeats = _deciding_repeats(c, v, prior_freedom, level) if call == "inconclusive" else None
    return Verdict(-float(np.expm1(-c.theta)), interval, p, call, repeats)


def _neutral(interval: tuple[float, float]) -> bool:
    return interval[0] >= -NEUTRAL and interval[1] <= NEUTRAL


def _deciding_repeats(c: Comparison, v: float, prior_freedom: float, level: float) -> int | None:
    for repeats in range(c.shared + 1, MAX_REPEATS + 1):
        error, freedom = _error(c, v, prior_freedom, repeats)
        if _neutral(_interval(c.theta, error, freedom)):
            return repeats
        if abs(c.theta) >= float(student.isf(level / 2, freedom)) * error:
            return repeats
    return None
