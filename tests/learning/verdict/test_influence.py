"""Losses and influence values: by hand, against numerical derivatives, and at their floors."""

import numpy as np
import pytest

from learning.verdict.influence import influence, loss_floor


def arm(metric, labels, output):
    return influence(metric, np.asarray(labels, np.float64), np.asarray(output, np.float64))


@pytest.mark.parametrize(
    ("metric", "labels", "output", "loss", "values"),
    [
        # squared errors 1 and 9, mean 5
        ("rmse", [0, 2], [1, 5], 5**0.5, [-0.4, 0.4]),
        # two of four wrong: (2 + 1/2) / (4 + 1)
        ("accuracy", [1, 0, 0, 1], [0.2, 0.1, 0.3, 0.4], 0.5, [0.8, -0.8, -0.8, 0.8]),
        # three pairs of four in order; the placements of the rows are 1, 1/2, 1/2, 1
        ("roc_auc", [0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], 0.25, [-2, 2, 2, -2]),
    ],
)
def test_values_agree_with_a_computation_by_hand(metric, labels, output, loss, values):
    found = arm(metric, labels, output)
    assert found.loss == pytest.approx(loss)
    assert found.values == pytest.approx(values)


def test_a_multiclass_row_is_wrong_when_its_likeliest_class_is():
    found = arm("accuracy", [0, 1, 2], [[0.5, 0.3, 0.2], [0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert found.loss == pytest.approx(1.5 / 4)


def weighted_log_loss(metric, labels, output, weights):
    n = len(labels)
    if metric == "rmse":
        return 0.5 * np.log((weights * (output - labels) ** 2).sum() / n)
    if metric == "accuracy":
        return np.log(((weights * ((output >= 0.5) != labels)).sum() + 0.5) / (n + 1))
    positive = labels == 1
    above = output[positive][:, None] - output[~positive]
    ordered = (above > 0) + 0.5 * (above == 0)
    w, v = weights[positive], weights[~positive]
    return np.log(1 - w @ ordered @ v / (w.sum() * v.sum()))


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_values_are_the_derivative_of_the_log_loss_by_a_rows_weight(metric):
    rng = np.random.default_rng(0)
    labels = rng.normal(size=40) if metric == "rmse" else (rng.random(40) < 0.3).astype(float)
    output = np.round(0.5 + 0.2 * (labels - 0.5) + 0.3 * rng.normal(size=40), 1)  # rounded, so that scores tie
    step = 1e-6
    derivative = []
    for row in range(40):
        direction = np.full(40, -step)
        direction[row] += 40 * step
        ends = [weighted_log_loss(metric, labels, output, 1 + sign * direction) for sign in (1, -1)]
        derivative.append((ends[0] - ends[1]) / (2 * step))
    found = arm(metric, labels, output)
    assert found.values == pytest.approx(derivative, rel=1e-5, abs=1e-6)
    assert found.values.sum() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_the_variance_of_the_mean_agrees_with_leaving_rows_out(metric):
    rng = np.random.default_rng(1)
    n = 400
    labels = rng.normal(size=n) if metric == "rmse" else (rng.random(n) < 0.4).astype(float)
    output = labels + 0.7 * rng.normal(size=n)
    kept = [np.delete(np.arange(n), row) for row in range(n)]
    logs = np.log([arm(metric, labels[rows], output[rows]).loss for rows in kept])
    jackknife = (n - 1) / n * ((logs - logs.mean()) ** 2).sum()
    found = arm(metric, labels, output)
    assert found.values.var(ddof=1) / n == pytest.approx(jackknife, rel=0.03)


@pytest.mark.parametrize("scale", [1e-150, 1e-3, 1e3, 1e150])
def test_units_change_an_rmse_and_not_its_influence_values(scale):
    labels, output = np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 2.0])
    found, scaled = arm("rmse", labels, output), arm("rmse", labels * scale, output * scale)
    assert scaled.values == pytest.approx(found.values)
    assert scaled.loss == pytest.approx(found.loss * scale)


def test_an_auc_depends_on_the_order_of_the_scores_alone():
    rng = np.random.default_rng(2)
    labels, scores = (rng.random(50) < 0.5).astype(float), rng.normal(size=50)
    found, moved = arm("roc_auc", labels, scores), arm("roc_auc", labels, np.exp(scores / 3) - 7)
    assert moved.loss == found.loss
    assert moved.values == pytest.approx(found.values)


@pytest.mark.parametrize(
    ("metric", "labels", "output", "loss"),
    [
        ("rmse", [0, 2], [0, 2], 1e-6),  # the labels' deviation is 1
        ("rmse", [0, 2], [1e-9, 2], 1e-6),
        ("accuracy", [0, 1, 1], [0, 1, 1], 0.5 / 4),
        ("roc_auc", [0, 1, 1], [0, 0.5, 1], 1 / 4),
    ],
)
def test_an_arm_without_errors_stands_at_the_floor(metric, labels, output, loss):
    found = arm(metric, labels, output)
    assert found.at_floor
    assert found.loss == pytest.approx(loss)
    assert found.values.tolist() == [0.0] * len(labels)


def test_an_arm_without_errors_is_not_certain():
    assert arm("accuracy", [0, 1], [0, 1]).floor_variance == pytest.approx(2.0)
    assert arm("roc_auc", [0, 1], [0, 1]).floor_variance == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("metric", "labels", "output"),
    [
        ("rmse", [1], [2]),
        ("rmse", [3, 3], [3, 3]),
        ("roc_auc", [1, 1, 1], [0.1, 0.2, 0.3]),
        ("accuracy", [0, 0], [0.1, 0.9]),
    ],
)
def test_rows_that_cannot_measure_the_loss_give_none(metric, labels, output):
    assert arm(metric, labels, output) is None


def test_constant_labels_that_are_missed_still_have_an_error():
    found = arm("rmse", [3, 3], [4, 5])
    assert found.loss == pytest.approx(2.5**0.5)


@pytest.mark.parametrize(
    ("metric", "labels", "floor"),
    [
        ("rmse", [0, 2], 1e-6),
        ("rmse", [3, 3], 0.0),
        ("rmse", [], 0.0),
        ("accuracy", [0, 1, 2, 2], 1 / 8),
        ("roc_auc", [0, 1, 1, 1], 1 / 6),
        ("roc_auc", [1, 1], 0.5),
    ],
)
def test_the_smallest_loss_that_rows_can_show(metric, labels, floor):
    assert loss_floor(metric, np.array(labels, np.float64)) == pytest.approx(floor)
