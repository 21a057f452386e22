"""The metrics of many tasks together."""

import numpy as np
import pytest

from tests.worker.training.result.described import a_task, data_of
from worker.training.result.pooled import pooled_metrics


def test_one_target_is_pooled_in_its_own_units():
    tasks = [a_task("shop=1/y", target="y"), a_task("shop=2/y", target="y")]
    data = [data_of(tasks[0], [0.0, 2.0]), data_of(tasks[1], [10.0, 12.0])]
    outputs = {0: np.array([1.0, 2.0]), 1: np.array([10.0, 13.0])}

    pooled = pooled_metrics(tasks, data, outputs, {"one_model_linear": outputs})

    labels, answers = np.array([0.0, 2.0, 10.0, 12.0]), np.array([1.0, 2.0, 10.0, 13.0])
    rmse = np.sqrt(((labels - answers) ** 2).mean())
    assert pooled["regression"]["rmse"] == pytest.approx(rmse)
    assert pooled["regression"]["r2"] == pytest.approx(1 - rmse**2 / labels.var())
    assert pooled["regression"]["baselines"]["one_model_linear"]["rmse"] == pytest.approx(rmse)


def test_several_targets_are_pooled_in_standard_deviations():
    tasks = [a_task("a", target="a"), a_task("b", target="b")]
    data = [data_of(tasks[0], [0.0, 2.0], train=[0.0, 2.0]), data_of(tasks[1], [0.0, 2000.0], train=[0.0, 2000.0])]
    outputs = {0: np.array([1.0, 2.0]), 1: np.array([1000.0, 2000.0])}

    pooled = pooled_metrics(tasks, data, outputs, {})

    assert pooled["regression"]["rmse"] == pytest.approx(np.sqrt(0.5))


def test_classification_is_pooled_over_rows():
    tasks = [a_task("a", "binary", metric="roc_auc"), a_task("b", "binary", metric="roc_auc")]
    data = [data_of(tasks[0], [0.0, 1.0, 1.0]), data_of(tasks[1], [1.0])]
    outputs = {0: np.array([0.1, 0.9, 0.2]), 1: np.array([0.8])}

    assert pooled_metrics(tasks, data, outputs, {})["binary"]["accuracy"] == pytest.approx(3 / 4)
