"""Two ways to answer the same episodes: the gain, its interval and what follows."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from learning.verdict.episodes import by_unit, episode_verdicts, interval_of_mean, of_rates, of_roots


def compared(ours, rival, *, queries=None):
    """Of error rates among so many queries, else of squared errors."""
    ours, rival = np.asarray(ours), np.asarray(rival)
    pairing = of_roots(ours, rival, floor=1e-12) if queries is None else of_rates(ours, rival, queries=queries)
    (found,) = episode_verdicts([pairing])
    return found


def test_the_gain_is_the_reduction_of_the_root_of_squared_errors_or_of_an_error_rate():
    assert compared([1.0, 1.0], [4.0, 4.0]).gain == pytest.approx(0.5)
    assert compared([0.1, 0.1], [0.4, 0.4], queries=1000).gain == pytest.approx(1 - 100.5 / 400.5)


@pytest.mark.parametrize(("factor", "verdict"), [(1.5, "helped"), (1 / 1.5, "hurt"), (1.0, "neutral")])
def test_a_clear_difference_is_told_and_none_is_neutral(factor, verdict):
    random = np.random.default_rng(0)
    ours = random.chisquare(5, 400)
    rival = ours * factor * random.uniform(0.98, 1.02, 400)
    assert compared(ours, rival).verdict == verdict


def test_few_noisy_episodes_are_inconclusive():
    random = np.random.default_rng(1)
    found = compared(random.chisquare(1, 8), 1.3 * random.chisquare(1, 8))
    assert found.verdict == "inconclusive"
    assert found.interval[0] < found.gain < found.interval[1]


def test_the_interval_of_squared_errors_covers_as_often_as_it_says():
    random = np.random.default_rng(2)
    covered = []
    for _ in range(400):
        task = random.gamma(2, 1, 60)
        ours, rival = (task * random.uniform(0.5, 1.5, 60) * scale for scale in (0.6, 1.0))
        found = compared(ours, rival)
        covered.append(found.interval[0] <= 1 - 0.6**0.5 <= found.interval[1])
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.parametrize("rate", [0.3, 0.05, 0.01])
def test_the_interval_of_error_rates_covers_at_least_as_often_as_it_says(rate):
    random = np.random.default_rng(3)
    covered = []
    for _ in range(400):
        ours, rival = (random.binomial(15, share, 40) / 15 for share in (rate / 2, rate))
        found = compared(ours, rival, queries=600)
        covered.append(found is None or found.interval[0] <= 0.5 <= found.interval[1])
    assert np.mean(covered) >= 0.93


def test_two_perfect_ways_cannot_be_told_apart_nor_is_a_perfect_one_certain():
    assert compared([0.0] * 9, [0.0] * 9, queries=90) is None
    found = compared([0.0] * 9, [0.1, 0.0, 0.1] * 3, queries=90)
    assert found.gain == pytest.approx(1 - 0.5 / 6.5)
    assert found.verdict == "inconclusive"
    assert compared([0.0] * 9, [0.5, 0.4, 0.6] * 3, queries=90).verdict == "helped"


def test_one_unit_says_nothing_nor_does_a_loss_that_is_no_number():
    assert compared([1.0], [2.0]) is None
    assert compared([1.0, np.inf], [2.0, 2.0]) is None


def test_episodes_of_one_task_count_as_one():
    losses, unit = np.array([1.0, 3.0, 5.0, 5.0]), np.array([7, 7, 2, 2])
    assert by_unit(losses, unit).tolist() == [5.0, 2.0]
    assert by_unit(losses, np.full(4, -1)).tolist() == losses.tolist()


def test_the_reach_of_a_mean_is_that_of_the_papers_for_many_and_students_for_few():
    few, many = np.array([1.0, 2.0, 3.0, 4.0]), np.random.default_rng(0).random(10_000)
    assert interval_of_mean(few) == pytest.approx(ttest_1samp(few, 2.5).confidence_interval().high - 2.5)
    assert interval_of_mean(many) == pytest.approx(1.96 * many.std(ddof=1) / 100, rel=1e-3)
    assert interval_of_mean(few[:1]) is None
