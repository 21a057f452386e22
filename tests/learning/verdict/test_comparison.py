"""Two arms on the same rows: θ, its variance over rows and seeds, and what cannot be compared."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.verdict.comparison import compare, mean_variance


def compared(metric, labels, shared, alone, clusters=None):
    return compare(metric, labels, shared, alone, clusters=clusters)


def outputs(rng, labels, noise, seeds):
    return [labels + noise * rng.normal(size=len(labels)) for _ in range(seeds)]


def test_a_comparison_agrees_with_a_computation_by_hand():
    # errors of 1, 2 and 4 everywhere alone, of 1 in every row shared: nothing varies over the rows
    labels = np.array([0.0, 3.0])
    found = compared("rmse", labels, [labels + 1], [labels + error for error in (1, 2, 4)])
    assert found.theta == pytest.approx(np.log(2))
    assert found.seeds == pytest.approx(np.log(2) ** 2)
    assert (found.rows, found.noise) == (0, 0)
    assert (found.freedom, found.shared, found.alone, found.units) == (2, 1, 3, 2)


def test_rows_and_noise_agree_with_a_computation_by_hand():
    # squared errors alone: (1, 3) under one seed and (2, 2) under two, so ψ is (−1/4, 1/4) and 0; shared: (3, 1)
    labels = np.array([0.0, 9.0])
    one, other = labels + np.sqrt([1, 3]), labels + np.sqrt([2, 2])
    found = compared("rmse", labels, [labels + np.sqrt([3, 1])], [one, other, other])
    # f = (−1/12, 1/12) − (1/4, −1/4) = (−1/3, 1/3), variance 2/9, over 2 rows
    assert found.rows == pytest.approx(1 / 9)
    # deviations from the mean of the seeds: ∓1/6 and ±1/12 twice; variances 1/18, 1/72, 1/72 over 2 rows, freedom 2
    assert found.noise == pytest.approx((1 / 18 + 2 / 72) / 2 / 2)
    assert found.seeds == pytest.approx(0)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from(["rmse", "accuracy", "roc_auc"]))
def test_swapping_the_arms_turns_the_sign_and_nothing_else(seed, metric):
    rng = np.random.default_rng(seed)
    labels = rng.normal(size=30) if metric == "rmse" else np.arange(30.0) % 2
    a, b = outputs(rng, labels, 0.5, 3), outputs(rng, labels, 0.8, 3)
    there, back = compared(metric, labels, a, b), compared(metric, labels, b, a)
    assert back.theta == pytest.approx(-there.theta)
    assert (back.rows, back.seeds, back.noise) == pytest.approx((there.rows, there.seeds, there.noise))


@pytest.mark.parametrize("scale", [1e-100, 1e-3, 1e5, 1e100])
def test_units_of_a_regression_do_not_matter(scale):
    rng = np.random.default_rng(0)
    labels = rng.normal(size=30)
    a, b = outputs(rng, labels, 0.5, 1), outputs(rng, labels, 0.8, 3)
    found = compared("rmse", labels, a, b)
    scaled = compared("rmse", labels * scale, [y * scale for y in a], [y * scale for y in b])
    assert scaled.theta == pytest.approx(found.theta)
    assert (scaled.rows, scaled.seeds, scaled.noise) == pytest.approx((found.rows, found.seeds, found.noise))


def test_rows_that_are_groups_of_their_own_are_rows():
    values, one = np.random.default_rng(0).normal(size=20), np.zeros(20, np.int64)
    apart = mean_variance(values, classes=one, groups=np.arange(20))
    assert apart == pytest.approx(mean_variance(values, classes=one))


def test_equal_rows_of_a_group_count_once():
    values, one = np.random.default_rng(0).normal(size=20), np.zeros(20, np.int64)
    groups = np.repeat(np.arange(20), 5)
    repeated = mean_variance(np.repeat(values, 5), classes=np.repeat(one, 5), groups=groups)
    assert repeated == pytest.approx(mean_variance(values, classes=one))


def test_under_a_group_split_the_units_are_the_groups():
    rng = np.random.default_rng(0)
    labels = rng.normal(size=30)
    arms = outputs(rng, labels, 0.5, 1), outputs(rng, labels, 0.5, 3)
    assert compared("rmse", labels, *arms, clusters=np.repeat([7, 3, 5], 10)).units == 3
    assert compared("rmse", labels, *arms, clusters=np.full(30, 7)) is None


LABELS = np.array([0.0, 1.0, 0.0, 1.0])
WRONG = 1 - LABELS


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_two_arms_without_errors_are_not_compared(metric):
    assert compared(metric, LABELS, [LABELS], [LABELS] * 3) is None


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_one_arm_without_errors_is_compared_at_its_floor(metric):
    found = compared(metric, LABELS, [LABELS], [WRONG] * 3)
    assert np.isfinite(found.theta)
    assert found.theta > 0


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_one_class_in_the_test_rows_is_not_compared(metric):
    assert compared(metric, np.ones(4), [LABELS], [WRONG] * 3) is None


def test_fewer_than_three_single_task_seeds_are_refused():
    with pytest.raises(ValueError, match="3 alone at least, found 1 and 2"):
        compared("rmse", LABELS, [WRONG], [WRONG] * 2)
