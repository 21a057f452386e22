"""The figures of the result, against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from learning.metrics import decided, gain, roc_auc, test_metrics
from learning.predictor.answers import Labels
from learning.verdict.influence import influence


def regression(seed):
    draw = np.random.default_rng(seed)
    y = draw.normal(3.0, 2.0, 50)
    return y, y + draw.normal(0.0, 1.0, 50)


@pytest.mark.parametrize("seed", range(3))
def test_regression_metrics_equal_scikit_learns(seed):
    y, y_hat = regression(seed)
    found = test_metrics("regression", y, y_hat)
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(y, y_hat))
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(y, y_hat))
    assert found["r2"] == pytest.approx(reference.r2_score(y, y_hat))


@pytest.mark.parametrize("seed", range(3))
def test_binary_metrics_equal_scikit_learns(seed):
    draw = np.random.default_rng(seed)
    # rounded, so that probabilities tie
    y, p = draw.integers(0, 2, 60), np.round(draw.random(60), 1)
    found = test_metrics("binary", y, p)
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(y, p))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, p >= 0.5))
    assert found["f1"] == pytest.approx(reference.f1_score(y, p >= 0.5))
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, p))


@pytest.mark.parametrize("seed", range(3))
def test_multiclass_metrics_equal_scikit_learns(seed):
    draw = np.random.default_rng(seed)
    y, p = draw.integers(0, 4, 80), draw.dirichlet(np.ones(5), 80)
    found = test_metrics("multiclass", y, p)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(y, p.argmax(1)))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(y, p.argmax(1), average="macro"))
    assert found["log_loss"] == pytest.approx(reference.log_loss(y, p, labels=range(5)))


def test_a_binary_task_may_bring_both_probabilities():
    y, p = np.array([0, 1, 1]), np.array([0.2, 0.4, 0.9])
    assert test_metrics("binary", y, np.stack([1 - p, p], axis=1)) == test_metrics("binary", y, p)


@pytest.mark.parametrize(
    ("kind", "y", "output", "name"),
    [
        ("regression", [2.0, 2.0], [1.0, 3.0], "r2"),
        ("regression", [2.0], [1.0], "r2"),
        ("binary", [1, 1], [0.2, 0.7], "roc_auc"),
        ("binary", [0, 0], [0.2, 0.3], "f1"),
    ],
)
def test_what_the_rows_do_not_define_is_none(kind, y, output, name):
    assert test_metrics(kind, np.array(y), np.array(output))[name] is None


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_certain_error_costs_much_but_not_infinity(kind):
    y, p = np.array([1]), np.array([0.0]) if kind == "binary" else np.array([[1.0, 0.0]])
    assert test_metrics(kind, y, p)["log_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_values_near_the_largest_accepted_stay_finite():
    found = test_metrics("regression", np.array([1e150, -1e150]), np.array([-1e150, 1e150]))
    assert found["rmse"] == pytest.approx(2e150)
    assert found["r2"] == pytest.approx(-3.0)


@pytest.mark.parametrize(("y", "output"), [([], []), ([1.0], [1.0, 2.0])])
def test_no_labels_or_another_count_of_outputs_is_refused(y, output):
    with pytest.raises(ValueError, match="as many outputs as labels"):
        test_metrics("regression", np.array(y), np.array(output))


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(-3, 3)), min_size=2, max_size=30))
def test_auc_is_the_share_of_ordered_pairs(pairs):
    y, score = np.array([label for label, _ in pairs]), np.array([value for _, value in pairs])
    ordered = [1.0 if a > b else 0.5 if a == b else 0.0 for a in score[y == 1] for b in score[y == 0]]
    assert roc_auc(y, score) == (pytest.approx(np.mean(ordered)) if ordered else None)


@pytest.mark.parametrize(
    ("metric", "ours", "rival", "expected"),
    [
        ("rmse", 0.9, 1.0, 0.1),
        ("accuracy", 0.95, 0.9, 0.5),
        ("roc_auc", 0.8, 0.9, -1.0),
        ("accuracy", 1.0, 1.0, 0.0),
        ("accuracy", 0.9, 1.0, None),
        ("rmse", 1.0, 5e-324, None),
        ("roc_auc", None, 0.9, None),
    ],
)
def test_a_gain_is_the_relative_reduction_of_the_primary_loss(metric, ours, rival, expected):
    assert gain(metric, ours, rival) == (None if expected is None else pytest.approx(expected))


def test_to_a_rival_at_the_floor_there_is_no_gain_but_between_two_there_is_none_to_make():
    assert gain("rmse", 0.5, 1e-9, floor=1e-6) is None
    assert gain("rmse", 1e-9, 1e-8, floor=1e-6) == 0.0
    assert gain("rmse", 1e-9, 0.5, floor=1e-6) == pytest.approx(1.0)


def test_one_half_is_the_second_of_two_classes_wherever_it_is_asked():
    p = np.array([0.5, 0.4, 0.6])
    both = np.stack([1 - p, p], axis=1)
    assert decided(p).tolist() == decided(both).tolist() == [1, 0, 1]
    assert Labels("multiclass", ("no", "yes"), both).labels == Labels("binary", ("no", "yes"), both).labels
    found = influence("accuracy", np.array([1.0, 0.0, 1.0]), both)
    assert found is not None
    assert found.at_floor
    assert test_metrics("multiclass", np.array([1, 0, 1]), both)["accuracy"] == 1.0


def test_of_several_equally_probable_classes_it_is_the_first():
    assert decided(np.array([[0.2, 0.4, 0.4], [0.5, 0.25, 0.25]])).tolist() == [1, 0]
