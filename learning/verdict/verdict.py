"""Did sharing help? Per task the gain over single-task training, its interval and a verdict (METHODS.md D, sharpened).

The question is whether the expected loss under sharing is lower than alone, over the drawing of the test rows *and* of
the seeds. From each task's `Comparison`: the gain is 1 − e^(−θ), and θ has the variance

    s² = max(s²_rows, c w) + c max(0, v′ − w),  c = 1/R_a + 1/R_b,

with v′ the seed variance v moderated over the tasks of the job. The recipe adds s²_rows and c v′; but v, measured on
the test rows, holds their noise w, and s²_rows holds c w too, so the same noise was paid twice: power lost for nothing.
In an A/A comparison, where the arms differ by their seeds alone, s² is c v′ in expectation, as it should be. And w,
known from many rows, bounds from below a v known from few seeds: three that agree by luck do not make a task certain.
Only where v is known from two differences alone (one task, one repeat) nothing is subtracted: too little is known.
Tried on 157 tasks (9 tables, up to 3 splits each) with 24 seeds, one repeat, before the correction: equal arms were told
apart in 2.8 % (the recipe: 1.4 %), a gain of 10 % was found in 0.62 (0.53), the median half-width was 0.086 (0.103).
`make bench-h1` and `make bench-h2` ask again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, stdtr, stdtrit

from learning.tasks import MAX_REPEATS
from learning.verdict.comparison import MIN_ALONE, Comparison

Call = Literal["helped", "neutral", "hurt", "inconclusive"]
Floats = NDArray[np.float64]

#: The false discovery rate over the tasks of a job, and 1 − the coverage of each interval.
LEVEL = 0.05
#: Gains within this of 0 are no gains that anyone would act on.
NEUTRAL = 0.02
#: d₀, the prior degrees of freedom of a seed variance: how many seeds the job's other tasks count for.
PRIOR_FREEDOM = 4.0
#: A seed variance known with fewer degrees of freedom is taken whole: the noise of the rows is not subtracted.
_ENOUGH_FREEDOM = 4.0
#: No interval reaches a loss a million times larger or smaller; beyond, a figure says nothing more.
_MAX_LOG_RATIO = float(np.log(1e6))


@dataclass(frozen=True)
class Verdict:
    """What the user reads: ``gain`` and the 95 % ``interval`` are relative reductions of the loss by sharing.

    p: two-sided, before the correction for the number of tasks.
    repeats: for an inconclusive task, how many repeats would decide it, were its gain as measured; None when more
    repeats cannot (only more test rows can), or when it is decided.
    """

    gain: float
    interval: tuple[float, float]
    p: float
    verdict: Call
    repeats: int | None


@dataclass(frozen=True)
class Moderated:
    """A comparison with its v′, and the prior degrees of freedom that v′ brings."""

    comparison: Comparison
    seeds: float
    prior_freedom: float

    def error(self, shared: Any, alone: Any) -> tuple[Floats, Floats]:
        """Return the standard error of θ with so many seeds, and its degrees of freedom by Satterthwaite (1946).

        Args:
            shared, alone: numbers or ``[k]``.
        """
        c = self.comparison
        freedom = np.asarray(self.prior_freedom + shared + alone - 2, np.float64)
        per_seed = 1 / np.asarray(shared, np.float64) + 1 / np.asarray(alone, np.float64)
        # what the rows show of the networks at hand; the part of it that seeds made shrinks with their number
        rows = max(0.0, c.rows - c.noise * (1 / c.shared + 1 / c.alone)) + c.noise * per_seed
        seeds = np.where(freedom < _ENOUGH_FREEDOM, self.seeds, max(0.0, self.seeds - c.noise)) * per_seed
        # the estimate of the seeds' part is as uncertain as v′ whole, whatever is taken off it
        variance, spread = rows + seeds, rows**2 / (c.units - 1) + (self.seeds * per_seed) ** 2 / freedom
        return np.sqrt(variance), np.where(spread > 0, variance**2 / np.where(spread > 0, spread, 1.0), freedom)


def verdicts(comparisons: Sequence[Comparison | None]) -> list[Verdict | None]:
    """Return the verdict of every task of a job, in the given order; None where the comparison is None.

    ``helped`` and ``hurt`` hold the false discovery rate over the tasks at `LEVEL`; the intervals are each task's own.
    """
    known = moderated([comparison for comparison in comparisons if comparison is not None])
    p = [_p(each) for each in known]
    significant = benjamini_hochberg(p)
    # the level at which one more task would have been found beside those that were
    level = LEVEL * min(sum(significant) + 1, len(known)) / max(len(known), 1)
    found = iter([_verdict(*each, level) for each in zip(known, p, significant, strict=True)])
    return [None if comparison is None else next(found) for comparison in comparisons]


def moderated(comparisons: Sequence[Comparison]) -> list[Moderated]:
    """Return the comparisons with their seed variances moderated over the tasks.

    v′ = (d₀ s₀² + d v) / (d₀ + d) with s₀² the geometric mean of v over the tasks, corrected by e^{ψ(d/2)} / (d/2), ψ
    the digamma function, since the logarithm of a χ²_d / d lies low on average (Smyth, *Linear Models and Empirical
    Bayes Methods for Assessing Differential Expression*, SAGMB 2004, section 6). Of one task nothing can be borrowed:
    d₀ = 0.
    """
    positive = [(c.seeds, c.freedom / 2) for c in comparisons if c.seeds > 0.0]
    if len(comparisons) < 2 or not positive:
        return [Moderated(c, c.seeds, 0.0) for c in comparisons]
    prior = float(np.exp(np.mean([np.log(v) - digamma(half) + np.log(half) for v, half in positive])))
    return [
        Moderated(c, (PRIOR_FREEDOM * prior + c.freedom * c.seeds) / (PRIOR_FREEDOM + c.freedom), PRIOR_FREEDOM)
        for c in comparisons
    ]


def benjamini_hochberg(p: Sequence[float], level: float = LEVEL) -> list[bool]:
    """Return which hypotheses are rejected when their false discovery rate is held at ``level``.

    Benjamini and Hochberg, *Controlling the False Discovery Rate*, JRSS B 57, 1995.
    """
    ranked = np.sort(np.asarray(p, np.float64))
    passing = np.flatnonzero(ranked <= level * np.arange(1, len(ranked) + 1) / max(len(ranked), 1))
    threshold = ranked[passing[-1]] if len(passing) else -1.0
    return [bool(value <= threshold) for value in p]


def _p(each: Moderated) -> float:
    error, freedom = each.error(each.comparison.shared, each.comparison.alone)
    theta = abs(each.comparison.theta)
    if error == 0.0:
        return 1.0 if theta == 0.0 else 0.0
    return float(2 * stdtr(freedom, -theta / error))


def _verdict(each: Moderated, p: float, significant: bool, level: float) -> Verdict:
    c = each.comparison
    reach = _reach(*each.error(c.shared, c.alone), LEVEL)
    ends = (float(_gain(c.theta - reach)), float(_gain(c.theta + reach)))
    call: Call = "inconclusive"
    if significant:
        call = "helped" if c.theta > 0 else "hurt"
    elif ends[0] >= -NEUTRAL and ends[1] <= NEUTRAL:
        call = "neutral"
    repeats = _deciding_repeats(each, level) if call == "inconclusive" else None
    return Verdict(float(_gain(c.theta)), ends, p, call, repeats)


def _reach(error: Floats, freedom: Floats, level: float) -> Floats:
    reach: Floats = -stdtrit(freedom, level / 2) * error
    return reach


def _gain(theta: Any) -> Floats:
    gain: Floats = -np.expm1(-np.clip(theta, -_MAX_LOG_RATIO, _MAX_LOG_RATIO))
    return gain


def _deciding_repeats(each: Moderated, level: float) -> int | None:
    repeats = np.arange(each.comparison.shared + 1, MAX_REPEATS + 1)
    error, freedom = each.error(repeats, np.maximum(repeats, MIN_ALONE))
    theta, reach = each.comparison.theta, _reach(error, freedom, LEVEL)
    decided = abs(theta) >= _reach(error, freedom, level)
    decided |= (_gain(theta - reach) >= -NEUTRAL) & (_gain(theta + reach) <= NEUTRAL)
    return int(repeats[decided][0]) if decided.any() else None
