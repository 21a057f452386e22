"""From comparisons to verdicts: moderation, degrees of freedom, the correction over tasks, the four words, and A/A."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from learning.verdict.comparison import Comparison, compare
from learning.verdict.verdict import benjamini_hochberg, moderated, verdicts


def compared(metric, labels, shared, alone):
    return compare(metric, labels, shared, alone)


def judged(comparisons):
    return verdicts(comparisons)


LONE = Comparison(theta=0.2, rows=0.004, seeds=0.003, noise=0.0015, freedom=2, shared=1, alone=3, units=101)


def test_a_lone_task_agrees_with_a_computation_by_hand():
    [found] = judged([LONE])
    # rows 0.004; seeds 0.003 · 4/3 = 0.004, known from two differences and so taken whole
    error, freedom = 0.008**0.5, 0.008**2 / (0.004**2 / 100 + 0.004**2 / 2)
    assert_figures(found, 0.2, error, freedom)
    assert found.verdict == "inconclusive"


def test_beside_other_tasks_the_noise_of_the_rows_is_paid_once():
    found, _ = judged([LONE, LONE])
    # the prior of two equal variances is 0.003 / e^−γ; moderated (4 · prior + 2 · 0.003) / 6, less the noise 0.0015
    moderated = (4 * 0.003 / 0.561459483567 + 2 * 0.003) / 6
    rows, seeds, whole = 0.004, (moderated - 0.0015) * 4 / 3, moderated * 4 / 3
    # what is taken off the seeds' part makes it no better known
    assert_figures(found, 0.2, (rows + seeds) ** 0.5, (rows + seeds) ** 2 / (rows**2 / 100 + whole**2 / 6))


def assert_figures(found, theta, error, freedom):
    reach = student.ppf(0.975, freedom) * error
    assert found.p == pytest.approx(2 * student.sf(theta / error, freedom))
    assert found.interval == pytest.approx((1 - np.exp(reach - theta), 1 - np.exp(-reach - theta)))
    assert found.gain == pytest.approx(1 - np.exp(-theta))


def test_seed_variances_are_moderated_over_the_tasks():
    tasks = moderated([replace(LONE, seeds=0.001), replace(LONE, seeds=0.004)])
    # geometric mean 0.002, over e^ψ(1) = e^−γ = 0.561459
    prior = 0.002 / 0.561459
    assert [task.seeds for task in tasks] == pytest.approx([(4 * prior + 0.002) / 6, (4 * prior + 0.008) / 6], rel=1e-5)
    assert [task.prior_freedom for task in tasks] == [4, 4]


def test_one_task_borrows_nothing():
    assert [(task.seeds, task.prior_freedom) for task in moderated([LONE])] == [(0.003, 0)]


def test_tasks_whose_seeds_agree_by_chance_borrow_from_the_others_and_lend_nothing():
    alone, silent = moderated([LONE, replace(LONE, seeds=0.0)])
    assert alone.seeds == pytest.approx((4 * 0.003 / 0.561459 + 2 * 0.003) / 6, rel=1e-5)
    assert silent.seeds == pytest.approx(4 * 0.003 / 0.561459 / 6, rel=1e-5)


# the example of Benjamini and Hochberg 1995, section 4.1: four of fifteen are rejected
THEIR_P = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0,
]


def test_the_correction_agrees_with_its_authors_example():
    assert benjamini_hochberg(THEIR_P) == [True] * 4 + [False] * 11


def test_no_task_is_corrected_to_nothing():
    assert benjamini_hochberg([]) == []
    assert judged([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.data())
def test_a_smaller_p_value_never_loses_a_rejection(p, data):
    smaller = [value * data.draw(st.floats(0, 1)) for value in p]
    before, after = benjamini_hochberg(p), benjamini_hochberg(smaller)
    assert all(now or not then for then, now in zip(before, after, strict=True))


CALLS = {
    "helped": replace(LONE, theta=0.5, seeds=1e-4, rows=1e-3, noise=1e-5),
    "hurt": replace(LONE, theta=-0.5, seeds=1e-4, rows=1e-3, noise=1e-5),
    "neutral": replace(LONE, theta=0.001, seeds=1e-6, rows=1e-6, noise=1e-7),
    "inconclusive": LONE,
}


@pytest.mark.parametrize("call", CALLS)
def test_every_verdict_can_be_given(call):
    [found] = judged([CALLS[call]])
    assert found.verdict == call
    assert found.interval[0] < found.gain < found.interval[1]


def test_a_significant_gain_within_two_per_cent_is_a_gain():
    [found] = judged([replace(LONE, theta=0.01, seeds=1e-7, rows=1e-7, noise=1e-8)])
    assert found.interval[0] > 0
    assert found.interval[1] < 0.02
    assert found.verdict == "helped"


def test_a_task_without_a_comparison_has_no_verdict_and_takes_no_part():
    alone, nothing, other = judged([LONE, None, CALLS["helped"]])
    assert nothing is None
    assert [alone, other] == judged([LONE, CALLS["helped"]])


@settings(max_examples=30)
@given(st.permutations(range(6)))
def test_the_order_of_the_tasks_does_not_matter(order):
    rng = np.random.default_rng(0)
    tasks = [replace(LONE, theta=rng.normal() / 4, seeds=0.003 * rng.chisquare(2)) for _ in range(6)]
    plain, shuffled = judged(tasks), judged([tasks[i] for i in order])
    assert [found.verdict for found in shuffled] == [plain[i].verdict for i in order]
    assert [found.p for found in shuffled] == pytest.approx([plain[i].p for i in order])


@given(st.floats(-30, 30), st.floats(0, 10), st.floats(0, 10), st.floats(0, 10))
def test_every_figure_is_finite_and_the_gain_lies_in_its_interval(theta, rows, seeds, noise):
    for found in judged([replace(LONE, theta=theta, rows=rows, seeds=seeds, noise=noise), LONE]):
        assert np.isfinite([found.gain, *found.interval, found.p]).all()
        assert found.interval[0] <= found.gain <= found.interval[1] <= 1


def test_three_seeds_that_agree_by_luck_do_not_make_a_task_certain():
    certain = replace(LONE, rows=0.0, seeds=1e-9)
    [found, _] = judged([certain, certain])
    # the noise of the rows, 0.0015 · 4/3, is left
    assert_figures(found, 0.2, 0.002**0.5, 100)


def test_the_hint_is_the_fewest_repeats_that_decide():
    task = replace(LONE, theta=0.12)
    [found] = judged([task])

    def with_repeats(repeats):
        # what does not vary stays as measured: the systematic part of the rows, 0.002, and the seed variance
        alone = max(repeats, 3)
        rows = 0.002 + task.noise * (1 / repeats + 1 / alone)
        more = replace(task, rows=rows, freedom=repeats + alone - 2, shared=repeats, alone=alone)
        return judged([more])[0].verdict

    assert found.repeats > 3
    assert with_repeats(found.repeats - 1) == "inconclusive"
    assert with_repeats(found.repeats) == "helped"


def test_there_is_no_hint_where_only_more_rows_can_decide():
    [found] = judged([replace(LONE, rows=1.0)])
    assert (found.verdict, found.repeats) == ("inconclusive", None)


def test_a_decided_task_has_no_hint():
    assert [found.repeats for found in judged([CALLS["helped"], CALLS["hurt"]])] == [None, None]


def arms(rng, *, tasks, rows, shared, gain, noise, spread):
    """Jobs whose rmse differs by ``gain``: rows err in common, seeds add ``noise`` per row and ``spread`` over all."""
    for _ in range(tasks):
        labels, common = rng.normal(size=rows), rng.normal(size=rows) * rng.gamma(2.0, size=rows)
        own = spread * rng.gamma(2.0) / 2
        outputs = [
            labels + (common + noise * rng.normal(size=rows)) * np.exp(own * rng.normal()) for _ in range(shared + 3)
        ]
        better = [labels + (output - labels) * (1 - gain) for output in outputs[:shared]]
        yield compared("rmse", labels, better, outputs[shared:])


@pytest.mark.parametrize(("tasks", "jobs"), [(1, 600), (10, 60)])
@pytest.mark.parametrize(("noise", "spread"), [(0.5, 0.03), (1.5, 0.0)])
def test_equal_arms_are_told_apart_in_five_per_cent_at_most(tasks, jobs, noise, spread):
    rng = np.random.default_rng(5)
    found = [
        verdict
        for _ in range(jobs)
        for verdict in judged([*arms(rng, tasks=tasks, rows=100, shared=1, gain=0.0, noise=noise, spread=spread)])
    ]
    before = np.mean([verdict.p < 0.05 for verdict in found])
    after = np.mean([verdict.verdict in ("helped", "hurt") for verdict in found])
    # 600 comparisons: two standard errors of a rate of 5 % are 1.8 points
    assert before <= 0.068
    assert after <= 0.05


@pytest.mark.parametrize("gain", [-0.1, 0.1, 0.3])
def test_a_planted_gain_is_covered_and_a_large_one_is_found(gain):
    rng = np.random.default_rng(6)
    found = [
        verdict
        for _ in range(40)
        for verdict in judged([*arms(rng, tasks=10, rows=100, shared=1, gain=gain, noise=0.5, spread=0.03)])
    ]
    covered = np.mean([verdict.interval[0] <= gain <= verdict.interval[1] for verdict in found])
    helped = np.mean([verdict.verdict == "helped" for verdict in found])
    assert covered >= 0.93
    if gain == 0.3:
        assert helped >= 0.9
    if gain < 0:
        assert helped <= 0.01


@pytest.mark.parametrize(("rows", "positives"), [(40, 2), (40, 5), (200, 3), (200, 20)])
def test_few_positives_do_not_make_equal_models_look_different(rows, positives):
    rng = np.random.default_rng(0)
    labels = (np.arange(rows) < positives).astype(np.float64)
    called = 0
    for _ in range(150):
        shared = [labels + rng.normal(size=rows)]
        first = labels + rng.normal(size=rows)
        alone = [first + 0.1 * rng.normal(size=rows) for _ in range(3)]
        [found] = verdicts([compare("roc_auc", labels, shared, alone)])
        called += found is not None and found.verdict in ("helped", "hurt")
    assert called / 150 <= 0.09


def test_one_positive_cannot_tell_two_models_apart():
    labels = np.eye(1, 40)[0]
    arms = [np.random.default_rng(seed).normal(size=40) for seed in range(4)]
    assert compare("roc_auc", labels, arms[:1], arms[1:]) is None
