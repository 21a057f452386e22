"""Logistic heads held to a prior head: their theorems."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from learning.adapting.logistic import logistic

# the last are past what Newton steps solve as a whole
SHAPES = [(2, 30, 40), (3, 40, 6), (5, 60, 30)]


def problem(classes, n, h, *, seed=0):
    draw = np.random.default_rng(seed)
    z = draw.normal(size=(1, n, h))
    labels = (z[0, :, :classes] + 0.5 * draw.normal(size=(n, classes))).argmax(axis=1)
    return z, labels[None].astype(float)


def solved(z, labels, classes, factor):
    """scikit-learn's minimum of the same loss, and the rows that it was given."""
    length = np.sqrt((z[0] ** 2).sum() / z.shape[1])
    rows = np.c_[z[0], np.full(z.shape[1], length)]
    model = LogisticRegression(C=1 / (factor * 2 * length**2), fit_intercept=False, tol=1e-10, max_iter=10_000)
    return rows, model, labels[0].astype(int)


@pytest.mark.parametrize(("classes", "n", "h"), SHAPES)
@pytest.mark.parametrize("factor", [0.3, 0.003])
def test_a_head_is_the_minimum_that_scikit_learn_finds(classes, n, h, factor):
    z, labels = problem(classes, n, h)
    fit = logistic(z, labels, labels >= 0, None, units=1 if classes == 2 else classes, strengths=(factor,))
    rows, model, y = solved(z, labels, classes, factor)
    expected = model.fit(rows, y).coef_
    np.testing.assert_allclose(fit.weight[0], expected[:, :-1], atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize(("classes", "n", "h"), SHAPES[:2])
def test_a_left_out_row_is_answered_almost_as_by_a_refit_without_it(classes, n, h):
    z, labels = problem(classes, n, h)
    fit = logistic(z, labels, labels >= 0, None, units=1 if classes == 2 else classes, strengths=(0.3,))
    rows, model, y = solved(z, labels, classes, 0.3)
    refits = []
    for row in range(n):
        others = np.arange(n) != row
        refits.append(np.atleast_1d(model.fit(rows[others], y[others]).decision_function(rows[row : row + 1])[0]))
    spread = np.std(refits)
    assert np.abs(fit.left_out[0] - refits).mean() < 0.1 * spread
    inside = np.abs(z[0] @ fit.weight[0].T + fit.bias[0] - refits).mean()
    assert np.abs(fit.left_out[0] - refits).mean() < 0.5 * inside


@pytest.mark.parametrize("units", [1, 3])
def test_an_infinite_strength_keeps_the_mean_head(units):
    z, labels = problem(max(2, units), 12, 6)
    draw = np.random.default_rng(1)
    prior = draw.normal(size=(units, 6)), draw.normal(size=units)
    fit = logistic(z, labels, labels >= 0, prior, units=units, strengths=(np.inf,))
    np.testing.assert_array_equal(fit.weight[0], prior[0])
    np.testing.assert_array_equal(fit.bias[0], prior[1])
    np.testing.assert_allclose(fit.left_out[0], z[0] @ prior[0].T + prior[1])


def test_labels_that_nothing_explains_leave_the_mean_head_nearly_where_it_is():
    draw = np.random.default_rng(2)
    z, prior = draw.normal(size=(1, 20, 30)), (np.zeros((1, 30)), np.zeros(1))
    labels = np.tile([0.0, 1.0], 10)[None]
    fit = logistic(z, labels, labels >= 0, prior, units=1)
    chances = 1 / (1 + np.exp(-fit.left_out[0, :, 0]))
    ours = -np.log(np.where(labels[0] == 1, chances, 1 - chances)).sum()
    assert ours <= 20 * np.log(2) + 1e-9


def test_a_single_row_moves_nothing():
    draw = np.random.default_rng(4)
    z, prior = draw.normal(size=(1, 1, 6)), (draw.normal(size=(3, 6)), draw.normal(size=3))
    fit = logistic(z, np.array([[2.0]]), np.ones((1, 1), bool), prior, units=3)
    np.testing.assert_array_equal(fit.weight[0], prior[0])
    assert np.isinf(fit.strength)


def test_classes_that_lie_apart_have_finite_heads():
    z = np.array([[[-1e4], [-1e4], [1e4], [1e4]]])
    fit = logistic(z, np.array([[0.0, 0.0, 1.0, 1.0]]), np.ones((1, 4), bool), None, units=1)
    assert np.isfinite(fit.weight).all()
    assert np.isfinite(fit.left_out).all()
    assert (np.sign(fit.left_out[0, :, 0]) == [-1, -1, 1, 1]).all()


@pytest.mark.parametrize("units", [1, 3])
def test_padding_changes_nothing(units):
    parts = [problem(max(2, units), n, 6, seed=n) for n in (7, 15)]
    z, labels, there = np.full((2, 15, 6), 7.0), np.ones((2, 15)), np.zeros((2, 15), bool)
    for place, (rows, own) in enumerate(parts):
        n = rows.shape[1]
        z[place, :n], labels[place, :n], there[place, :n] = rows[0], own[0], True
    together = logistic(z, labels, there, None, units=units)
    for place, (rows, own) in enumerate(parts):
        alone = logistic(rows, own, own >= 0, None, units=units)
        np.testing.assert_allclose(together.weight[place], alone.weight[0], atol=1e-4)
        assert together.strength[place] == alone.strength[0]


def test_many_rows_are_solved_in_parts_that_change_nothing(monkeypatch):
    z, labels = problem(3, 40, 6)
    whole = logistic(z, labels, labels >= 0, None, units=3)
    monkeypatch.setattr("learning.adapting.logistic.MOST_NUMBERS", 1)
    parts = logistic(z, labels, labels >= 0, None, units=3)
    np.testing.assert_allclose(parts.left_out, whole.left_out, rtol=1e-12)
