"""Ridge held to a prior head: its theorems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.adapting.ridge import ridge

SHAPES = [(6, 20), (40, 5), (12, 12)]


def problem(n, h, *, seed=0, noise=0.3):
    draw = np.random.default_rng(seed)
    z, w = draw.normal(size=(1, n, h)), draw.normal(size=h)
    return z, z @ w + 0.5 + noise * draw.normal(size=(1, n)), (w + 0.2 * draw.normal(size=h), 0.3)


def everywhere(y):
    return np.ones(y.shape, bool)


def refitted(z, y, prior, factor, row):
    """The answer to a row by ridge regression on the others, in the textbook's form."""
    others = np.arange(len(z)) != row
    h = z.shape[1]
    if prior is None:
        scale = ((z - z.mean(0)) ** 2).sum() / len(z)
        centre, middle = z[others].mean(0), y[others].mean()
        rows, target = z[others] - centre, y[others] - middle
        return (z[row] - centre) @ np.linalg.solve(rows.T @ rows + factor * scale * np.eye(h), rows.T @ target) + middle
    length = np.sqrt((z**2).sum() / len(z))
    rows = np.c_[z, np.full(len(z), length)]
    start = np.r_[prior[0], prior[1] / length]
    held = factor * 2 * length**2 * np.eye(h + 1)
    moved = np.linalg.solve(rows[others].T @ rows[others] + held, rows[others].T @ (y[others] - rows[others] @ start))
    return rows[row] @ (start + moved)


@pytest.mark.parametrize(("n", "h"), SHAPES)
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("factor", [3.0, 0.01])
def test_a_left_out_row_is_answered_as_by_a_refit_without_it(n, h, held, factor):
    z, y, prior = problem(n, h)
    if not held:  # the scale of the centred rows is that of all, so that λ is one number
        prior = None
    fit = ridge(z, y, everywhere(y), prior, strengths=(factor,))
    expected = [refitted(z[0], y[0], prior, factor, row) for row in range(n)]
    np.testing.assert_allclose(fit.left_out[0, :, 0], expected, rtol=1e-7)


@pytest.mark.parametrize(("n", "h"), SHAPES)
def test_an_infinite_strength_keeps_the_mean_head(n, h):
    z, y, prior = problem(n, h)
    fit = ridge(z, y, everywhere(y), prior, strengths=(np.inf,))
    np.testing.assert_allclose(fit.weight[0, 0], prior[0], rtol=1e-12)
    assert fit.bias[0, 0] == pytest.approx(prior[1])


def test_an_infinite_strength_without_a_prior_answers_the_mean():
    z, y, _ = problem(9, 4)
    fit = ridge(z, y, everywhere(y), None, strengths=(np.inf,))
    np.testing.assert_array_equal(fit.weight, 0.0)
    assert fit.bias[0, 0] == pytest.approx(y.mean())


@pytest.mark.parametrize("held", [False, True])
def test_a_vanishing_strength_is_least_squares(held):
    z, y, prior = problem(40, 5)
    fit = ridge(z, y, everywhere(y), prior if held else None, strengths=(1e-10,))
    expected = np.linalg.lstsq(np.c_[z[0], np.ones(40)], y[0], rcond=None)[0]
    np.testing.assert_allclose(np.r_[fit.weight[0, 0], fit.bias[0]], expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_by_its_left_out_rows_a_head_is_never_worse_than_the_mean_head(seed):
    z, _, prior = problem(10, 8, seed=seed)
    y = np.random.default_rng(seed + 1).normal(size=(1, 10))  # nothing to learn
    fit = ridge(z, y, everywhere(y), prior)
    before = ((y - z @ prior[0] - prior[1]) ** 2).sum()
    assert ((y - fit.left_out[..., 0]) ** 2).sum() <= before * (1 + 1e-9)


def test_rows_that_say_nothing_of_the_strength_move_nothing():
    z, y, prior = problem(1, 5)
    assert np.isinf(ridge(z, y, everywhere(y), prior).strength)  # nothing is left to leave it out of
    z, y, _ = problem(2, 5)
    assert np.isinf(ridge(z, y, everywhere(y), None).strength)  # without one of two, every strength answers the other's


@pytest.mark.parametrize("held", [False, True])
def test_padding_changes_nothing(held):
    parts = [problem(n, 6, seed=n) for n in (4, 9, 15)]
    prior = parts[0][2] if held else None
    z, y, there = np.full((3, 15, 6), 7.0), np.full((3, 15), 7.0), np.zeros((3, 15), bool)
    for place, (rows, labels, _) in enumerate(parts):
        n = rows.shape[1]
        z[place, :n], y[place, :n], there[place, :n] = rows[0], labels[0], True
    together = ridge(z, y, there, prior)
    for place, (rows, labels, _) in enumerate(parts):
        alone = ridge(rows, labels, everywhere(labels), prior)
        n = rows.shape[1]
        np.testing.assert_allclose(together.weight[place], alone.weight[0], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(together.left_out[place, :n], alone.left_out[0], rtol=1e-8, atol=1e-10)
        assert together.strength[place] == alone.strength[0]


def test_a_single_row_is_learned_from():
    z, y, prior = problem(1, 5)
    for held in (None, prior):
        fit = ridge(z, y, everywhere(y), held)
        assert np.isfinite(fit.weight).all()
        assert np.isfinite(fit.left_out).all()


def test_rows_that_are_all_zero_teach_the_bias_only():
    y = np.array([[1.0, 2.0, 3.0]])
    fit = ridge(np.zeros((1, 3, 4)), y, everywhere(y), None)
    np.testing.assert_array_equal(fit.weight, 0.0)
    assert fit.bias[0, 0] == pytest.approx(2.0)
