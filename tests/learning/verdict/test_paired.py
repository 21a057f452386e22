"""Two fixed models on the same rows."""

import numpy as np
import pytest

from learning.verdict import paired


def arms(rows=400, *, seed=0, worse=2.0):
    draw = np.random.default_rng(seed)
    labels = draw.normal(size=rows)
    return labels, labels + worse * draw.normal(size=rows), labels + draw.normal(size=rows)


def test_the_gain_is_the_relative_reduction_of_the_loss():
    labels, first, second = arms()
    rmse = [float(np.sqrt(np.mean((arm - labels) ** 2))) for arm in (first, second)]
    found = paired("rmse", labels, first, second)
    assert found is not None
    assert found.gain == pytest.approx(1 - rmse[1] / rmse[0])
    assert found.interval[0] < found.gain < found.interval[1]
    assert found.interval[0] > 0


def test_the_other_way_round_is_the_same_ratio_turned_over():
    labels, first, second = arms()
    one, other = paired("rmse", labels, first, second), paired("rmse", labels, second, first)
    assert one is not None
    assert other is not None
    assert (1 - one.gain) * (1 - other.gain) == pytest.approx(1)
    assert (1 - one.interval[0]) * (1 - other.interval[1]) == pytest.approx(1)


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_the_interval_covers_the_difference_of_equals_nineteen_times_in_twenty(metric):
    covered, trials = 0, 400
    for seed in range(trials):
        draw = np.random.default_rng(seed)
        truth = draw.normal(size=300)
        labels = truth if metric == "rmse" else (truth > 0).astype(np.float64)
        first, second = (truth + draw.normal(size=300) for _ in range(2))
        if metric != "rmse":
            first, second = 1 / (1 + np.exp(-first)), 1 / (1 + np.exp(-second))
        found = paired(metric, labels, first, second)
        assert found is not None
        covered += found.interval[0] <= 0 <= found.interval[1]
    assert 0.92 <= covered / trials <= 0.985


def test_a_model_beside_itself_differs_by_nothing():
    labels, first, _ = arms()
    found = paired("rmse", labels, first, first)
    assert found is not None
    assert (found.gain, *found.interval) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("metric", "labels"), [("rmse", []), ("rmse", [1.0]), ("accuracy", [1.0, 1.0, 1.0]), ("roc_auc", [0.0, 0.0, 1.0])]
)
def test_rows_that_say_nothing_are_no_difference(metric, labels):
    own = np.array(labels)
    assert paired(metric, own, np.full(len(own), 0.4), np.full(len(own), 0.6)) is None
