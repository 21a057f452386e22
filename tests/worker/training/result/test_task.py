"""One task as the result tells it."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from learning.metrics import Metrics
from tests.worker.training.result.described import a_task, a_verdict, data_of
from worker.training.result.summary import summary
from worker.training.result.task import task_result

RIVALS: Mapping[str, Metrics] = MappingProxyType(
    {
        "single_task": {"rmse": 0.63, "mae": 0.5, "r2": 0.1},
        "boosted_trees": {"rmse": 0.60, "mae": 0.4, "r2": 0.2},
        "one_model_linear": {"rmse": 0.64, "mae": 0.4, "r2": 0.2},
        "one_model_trees": {"rmse": 0.60, "mae": 0.4, "r2": 0.2},
    }
)


def test_a_task_is_told_as_the_contract_shows_it():
    task = a_task()
    entry = task_result(task, data_of(task, [1.0, 2.0]), {"rmse": 0.61, "mae": 0.47, "r2": 0.41}, RIVALS, a_verdict())

    assert entry["rows"] == {"train": 2, "validation": 1, "test": 2}
    assert entry["baselines"]["boosted_trees"] == {"rmse": 0.60}
    assert entry["gains"]["single_task"] == 0.03
    assert entry["gains"]["one_model"] == pytest.approx(1 - 0.61 / 0.60)
    assert entry["gains"]["best"] == pytest.approx(1 - 0.61 / 0.60)
    assert entry["interval"] == [0.004, 0.061]
    assert entry["verdict"] == "helped"


def test_a_task_without_a_verdict_says_null():
    task = a_task()
    entry = task_result(task, data_of(task, [1.0]), {"rmse": 0.61}, {}, None)

    assert entry["verdict"] is None
    assert entry["interval"] is None
    assert entry["gains"] == {"single_task": None, "one_model": None, "best": None}


def test_the_spread_is_of_the_stored_model_and_every_repeat():
    task = a_task()
    data = data_of(task, [1.0, 2.0])
    repeats = [np.array([1.5, 2.5]), np.array([2.0, 3.0])]
    entry = task_result(task, data, {"rmse": 0.75}, {}, None, repeats=repeats)

    assert entry["test"] == {"rmse": 0.75}
    assert entry["spread"] == {"mean": 0.75, "deviation": 0.25, "values": [0.75, 0.5, 1.0]}
    assert task_result(task, data, {"rmse": 0.75}, {}, None)["spread"] is None
    assert task_result(task, data, {}, {}, None, repeats=repeats)["spread"] is None


def test_a_perfect_rival_leaves_no_gain_to_boast_of_and_is_named():
    task = a_task()
    figures = {"trivial": 0.9, "linear": 0.0, "boosted_trees": 0.5, "one_model_linear": 1e-16}
    rivals: dict[str, Metrics] = {name: {"rmse": value} for name, value in figures.items()}
    entry = task_result(task, data_of(task, [1.0, 2.0]), {"rmse": 0.01}, rivals, a_verdict())

    assert entry["gains"] == {"single_task": 0.03, "one_model": None, "best": None}
    assert entry["baselines"]["linear"] == {"rmse": 0.0}
    assert summary([entry]) == "Sharing helped 1 of 1 task and hurt none. A linear model is better on quality."


def test_two_perfect_answers_are_equal():
    task = a_task()
    entry = task_result(task, data_of(task, [1.0, 2.0]), {"rmse": 1e-16}, {"linear": {"rmse": 0.0}}, a_verdict())

    assert entry["gains"]["best"] == 0.0
    assert summary([entry]).endswith("No rival is better on any task.")


def test_the_gain_over_training_alone_is_the_verdicts_among_all_gains():
    task = a_task("hot", "binary", metric="accuracy")
    told = a_verdict("hurt", gain=-2.0)
    rivals: dict[str, Metrics] = {"single_task": {"accuracy": 1.0}, "linear": {"accuracy": 0.9}}
    entry = task_result(task, data_of(task, [0.0, 1.0]), {"accuracy": 0.95}, rivals, told)

    assert entry["gains"]["single_task"] == entry["gains"]["best"] == -2.0
    assert summary([entry]).endswith("Training alone is better on hot.")
