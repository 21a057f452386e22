"""Two ways to answer the same episodes: how much better one is, over the drawing of the episodes (or of their tasks).

The loss of an arm is the mean over E episodes of their error rates, or the root of the mean of their squared errors. With
ℓ_e an episode's loss and ℓ̄ the mean, ψ(e) = ρ (ℓ_e / ℓ̄ − 1) is its influence on log L, ρ = 1 for a rate and ½ under the
root, as `learning.verdict.influence` has it of rows; θ = log L_rival − log L_ours has the variance of the mean of
ψ_rival − ψ_ours. What stays the same, the model and the classes or tasks that are drawn from, is taken as it is; training
again is not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from learning.verdict.verdict import LEVEL, NEUTRAL, Call, benjamini_hochberg

Floats = NDArray[np.float64]

#: No interval reaches a loss a million times larger or smaller; beyond, a figure says nothing more.
_MAX_LOG_RATIO = float(np.log(1e6))


@dataclass(frozen=True, slots=True)
class EpisodeVerdict:
    """``gain`` over the rival, a relative reduction of the loss, its 95 % ``interval``, and what follows."""

    gain: float
    interval: tuple[float, float]
    verdict: Call


@dataclass(frozen=True, slots=True)
class Pairing:
    """θ, its standard error, and how many independent units it is known by."""

    theta: float
    error: float
    units: int

    @property
    def p(self) -> float:
        if self.error == 0.0:
            return 1.0 if self.theta == 0.0 else 0.0
        return float(2 * stdtr(self.units - 1, -abs(self.theta) / self.error))


def by_unit(losses: Floats, unit: NDArray[np.int64]) -> Floats:
    """The mean loss of each unit: episodes of one task are no independent tasks. A unit below 0 is its own episode.

    Args:
        losses, unit: ``[E]``.
    """
    if len(unit) and unit[0] < 0:
        return losses
    _, place, count = np.unique(unit, return_inverse=True, return_counts=True)
    means: Floats = np.bincount(place, weights=losses) / count
    return means


def interval_of_mean(values: Floats) -> float | None:
    """The reach of the 95 % interval of the mean of ``values`` ``[n]``, t s / √n; None of a single one.

    t is Student's of n − 1 degrees of freedom: 1.96 of the papers' hundreds of episodes, and more of a few tasks.
    """
    count = len(values)
    if count < 2:
        return None
    return float(-stdtrit(count - 1, LEVEL / 2) * values.std(ddof=1) / np.sqrt(count))


def of_roots(ours: Floats, rival: Floats, *, floor: float) -> Pairing | None:
    """Compare the squared errors ``[n]`` of two ways to answer n episodes or tasks; None where they say nothing.

    Args:
        floor: what a mean squared error is lifted to: that of rounding.
    """
    if not _comparable(ours, rival) or max(ours.mean(), rival.mean()) <= floor:
        return None
    means = [max(float(each.mean()), floor) for each in (ours, rival)]
    values = [(each - each.mean()) / (2 * mean) for each, mean in zip((ours, rival), means, strict=True)]
    return _pairing(0.5 * float(np.log(means[1]) - np.log(means[0])), values, beside=0.0)


def of_rates(ours: Floats, rival: Floats, *, queries: int) -> Pairing | None:
    """Compare the error rates ``[n]`` of two ways to answer n episodes or tasks; None where neither made an error.

    With k errors among all ``queries``, L is (k + ½) / (queries + 1), and the half error is as uncertain as in
    `learning.verdict.influence`: an arm without errors does not look certain.
    """
    if not _comparable(ours, rival) or (ours.mean() == 0.0 and rival.mean() == 0.0):
        return None
    errors = [float(each.mean()) * queries + 0.5 for each in (ours, rival)]
    values = [(each - each.mean()) * queries / count for each, count in zip((ours, rival), errors, strict=True)]
    beside = 0.0 if np.array_equal(ours, rival) else sum(0.5 / count**2 for count in errors)
    return _pairing(float(np.log(errors[1]) - np.log(errors[0])), values, beside=beside)


def _comparable(ours: Floats, rival: Floats) -> bool:
    return len(ours) > 1 and bool(np.isfinite(ours).all() and np.isfinite(rival).all())


def _pairing(theta: float, values: Sequence[Floats], *, beside: float) -> Pairing:
    """Args: ``values``: ψ ``[n]`` of both arms; ``beside``: a variance that is not the episodes'."""
    count = len(values[0])
    variance = float((values[1] - values[0]).var(ddof=1)) / count + beside
    return Pairing(theta, float(np.sqrt(variance)), count)


def episode_verdicts(found: Sequence[Pairing | None]) -> list[EpisodeVerdict | None]:
    """The verdicts of a job's protocols; the false discovery rate of ``helped`` and ``hurt`` is held over them."""
    known = [each for each in found if each is not None]
    significant = iter(benjamini_hochberg([each.p for each in known]))
    return [None if each is None else _verdict(each, next(significant)) for each in found]


def _verdict(found: Pairing, significant: bool) -> EpisodeVerdict:
    reach = -float(stdtrit(found.units - 1, LEVEL / 2)) * found.error
    gain, low, high = (_gain(end) for end in (found.theta, found.theta - reach, found.theta + reach))
    call: Call = "inconclusive"
    if significant:
        call = "helped" if found.theta > 0 else "hurt"
    elif low >= -NEUTRAL and high <= NEUTRAL:
        call = "neutral"
    return EpisodeVerdict(gain, (low, high), call)


def _gain(theta: float) -> float:
    return float(-np.expm1(-np.clip(theta, -_MAX_LOG_RATIO, _MAX_LOG_RATIO)))
