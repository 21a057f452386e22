"""The figure shown for training alone, beside the gain of the verdict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.metrics import gain, test_metrics
from learning.verdict import compare, loss_floor, verdicts
from tests.worker.training.result.described import a_task, data_of
from worker.training.baselines.rivals import Rivals
from worker.training.result.judge import judge, typical

ROWS = 40
HOT = (np.arange(ROWS) >= 15).astype(np.float64)


def answered(mistakes):
    """Probabilities of class 1 that are wrong, or in the wrong order, in so many of the rows."""
    p = np.where(HOT == 1, 0.9, 0.1) + np.linspace(0, 1e-3, ROWS)
    p[:mistakes] = 1.0 - p[:mistakes]
    return p


def figures(metric, ours, alone):
    shared, seeds = answered(ours), [answered(mistakes) for mistakes in alone]
    verdict = verdicts([compare(metric, HOT, [shared], seeds)])[0]
    shown = [test_metrics("binary", HOT, output)[metric] for output in (shared, *seeds)]
    return verdict, shown[0], typical(metric, shown[1:], floor=loss_floor(metric, HOT))


@given(
    st.sampled_from(["accuracy", "roc_auc"]),
    st.integers(0, 12),
    st.lists(st.integers(0, 12), min_size=3, max_size=5),
)
def test_the_figure_of_training_alone_is_better_than_ours_where_the_gain_is_negative(metric, ours, alone):
    verdict, own, rival = figures(metric, ours, alone)
    if verdict is not None and abs(verdict.gain) > 1e-9:
        assert (verdict.gain > 0) == (own > rival)


@given(st.integers(0, 12), st.lists(st.integers(0, 12), min_size=3, max_size=5))
def test_the_gain_counts_half_an_error_more_than_the_figures_show(ours, alone):
    verdict, own, rival = figures("accuracy", ours, alone)
    if verdict is not None:
        half = 0.5 / ROWS
        assert verdict.gain == pytest.approx(1 - (1 - own + half) / (1 - rival + half))


def test_every_repeat_is_an_arm_of_the_verdict():
    task = a_task()
    rng = np.random.default_rng(0)
    y = rng.normal(size=ROWS)
    shared, alone = ([y + scale * rng.normal(size=ROWS) for _ in range(3)] for scale in (0.5, 0.7))
    judgement = judge(
        [task],
        [data_of(task, y.tolist())],
        [{0: output} for output in shared],
        Rivals({}, {0: alone}, None),
        clusters=None,
    )

    assert judgement.verdicts == verdicts([compare("rmse", y, shared, alone)])
    assert judgement.verdicts != verdicts([compare("rmse", y, shared[:1], alone)])


@pytest.mark.parametrize("metric", ["rmse", "accuracy", "roc_auc"])
def test_seeds_without_any_error_are_told_as_such(metric):
    perfect = 0.0 if metric == "rmse" else 1.0
    assert typical(metric, [perfect] * 3, floor=0.01) == perfect
    assert typical(metric, [None, None, None], floor=0.0) is None


def test_of_an_rmse_it_is_the_geometric_mean_and_the_gain_is_the_figures():
    y = np.arange(10.0)
    outputs = [y + step for step in (1.0, 2.0, 4.0)]
    shown = typical("rmse", [1.0, 2.0, 4.0], floor=loss_floor("rmse", y))
    verdict = verdicts([compare("rmse", y, [y + 1.5 * (-1) ** np.arange(10)], outputs)])[0]

    assert shown == pytest.approx(2.0)
    assert verdict is not None
    assert verdict.gain == pytest.approx(gain("rmse", 1.5, shown))
