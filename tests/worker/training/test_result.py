from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from learning.metrics import Metrics
from learning.tasks import Loss, Task
from learning.verdict import Verdict
from worker.training.baselines.task_data import Part, TaskData
from worker.training.pooled import pooled_metrics
from worker.training.result import job_result, summary, task_result


def _task(name="quality", kind="regression", target="quality", metric="rmse"):
    classes = None if kind == "regression" else ("no", "yes")
    loss: Loss = "mse" if kind == "regression" else "log_loss"
    return Task(name, "ds_1", target, kind, loss, metric, 1.0, ("x",), classes, 0, 0, None, pooled=False)


def _part(labels):
    return Part(np.arange(len(labels), dtype=np.int64), np.asarray(labels, np.float64))


def _data(task, test, train=(0.0, 2.0)):
    return TaskData.of(task, 0, (_part(train), _part([1.0]), _part(test)))


def _verdict(verdict="helped", gain=0.03):
    return Verdict(gain=gain, interval=(0.004, 0.061), p=0.01, verdict=verdict, repeats=None)


RIVALS: Mapping[str, Metrics] = MappingProxyType(
    {
        "single_task": {"rmse": 0.63, "mae": 0.5, "r2": 0.1},
        "boosted_trees": {"rmse": 0.60, "mae": 0.4, "r2": 0.2},
        "one_model_linear": {"rmse": 0.64, "mae": 0.4, "r2": 0.2},
        "one_model_trees": {"rmse": 0.60, "mae": 0.4, "r2": 0.2},
    }
)


def test_a_task_is_told_as_the_contract_shows_it():
    task = _task()
    entry = task_result(task, _data(task, [1.0, 2.0]), {"rmse": 0.61, "mae": 0.47, "r2": 0.41}, RIVALS, _verdict())

    assert entry["rows"] == {"train": 2, "validation": 1, "test": 2}
    assert entry["baselines"]["boosted_trees"] == {"rmse": 0.60}
    assert entry["gains"]["single_task"] == 0.03
    assert entry["gains"]["one_model"] == pytest.approx(1 - 0.61 / 0.60)
    assert entry["gains"]["best"] == pytest.approx(1 - 0.61 / 0.60)
    assert entry["interval"] == [0.004, 0.061]
    assert entry["verdict"] == "helped"


def test_a_task_without_a_verdict_says_null():
    task = _task()
    entry = task_result(task, _data(task, [1.0]), {"rmse": 0.61}, {}, None)

    assert entry["verdict"] is None
    assert entry["interval"] is None
    assert entry["gains"] == {"single_task": None, "one_model": None, "best": None}


def test_a_perfect_rival_leaves_no_gain_to_boast_of_and_is_named():
    task = _task()
    figures = {"trivial": 0.9, "linear": 0.0, "boosted_trees": 0.5, "one_model_linear": 1e-16}
    rivals: dict[str, Metrics] = {name: {"rmse": value} for name, value in figures.items()}
    entry = task_result(task, _data(task, [1.0, 2.0]), {"rmse": 0.01}, rivals, _verdict())

    assert entry["gains"] == {"single_task": 0.03, "one_model": None, "best": None}
    assert entry["baselines"]["linear"] == {"rmse": 0.0}
    assert summary([entry]) == "Sharing helped 1 of 1 task and hurt none. A linear model is better on quality."


def test_two_perfect_answers_are_equal():
    task = _task()
    entry = task_result(task, _data(task, [1.0, 2.0]), {"rmse": 1e-16}, {"linear": {"rmse": 0.0}}, _verdict())

    assert entry["gains"]["best"] == 0.0
    assert summary([entry]).endswith("No rival is better on any task.")


def test_the_gain_over_training_alone_is_the_verdicts_among_all_gains():
    task = _task("hot", "binary", metric="accuracy")
    told = _verdict("hurt", gain=-2.0)
    rivals: dict[str, Metrics] = {"single_task": {"accuracy": 1.0}, "linear": {"accuracy": 0.9}}
    entry = task_result(task, _data(task, [0.0, 1.0]), {"accuracy": 0.95}, rivals, told)

    assert entry["gains"]["single_task"] == entry["gains"]["best"] == -2.0
    assert summary([entry]).endswith("Training alone is better on hot.")


def _entry(name, verdict, best=0.1, **rivals):
    return {
        "name": name,
        "metric": "rmse",
        "test": {"rmse": 0.6},
        "verdict": verdict,
        "gains": {"single_task": 0.02, "best": best},
        "baselines": {rival: {"rmse": value} for rival, value in rivals.items()},
    }


def test_the_summary_counts_verdicts_and_names_better_rivals():
    entries = [
        _entry("quality", "helped", best=-0.02, boosted_trees=0.5, linear=0.7),
        _entry("colour", "helped"),
        _entry("price", "inconclusive"),
    ]

    assert summary(entries) == (
        "Sharing helped 2 of 3 tasks and hurt none; 1 is inconclusive. Boosted trees are better on quality."
    )


def test_the_summary_says_when_nothing_could_be_judged():
    assert summary([_entry("quality", None)]).startswith("No task could be judged")


def test_the_job_counts_every_verdict_and_averages_the_gains():
    result = job_result([_entry("a", "hurt"), _entry("b", None)], {}, sampled=None)

    assert result["counts"] == {"helped": 0, "neutral": 0, "hurt": 1, "inconclusive": 0, "none": 1}
    assert result["delta_m"] == pytest.approx(0.02)


def test_one_target_is_pooled_in_its_own_units():
    tasks = [_task("shop=1/y", target="y"), _task("shop=2/y", target="y")]
    data = [_data(tasks[0], [0.0, 2.0]), _data(tasks[1], [10.0, 12.0])]
    outputs = {0: np.array([1.0, 2.0]), 1: np.array([10.0, 13.0])}

    pooled = pooled_metrics(tasks, data, outputs, {"one_model_linear": outputs})

    labels, answers = np.array([0.0, 2.0, 10.0, 12.0]), np.array([1.0, 2.0, 10.0, 13.0])
    rmse = np.sqrt(((labels - answers) ** 2).mean())
    assert pooled["regression"]["rmse"] == pytest.approx(rmse)
    assert pooled["regression"]["r2"] == pytest.approx(1 - rmse**2 / labels.var())
    assert pooled["regression"]["baselines"]["one_model_linear"]["rmse"] == pytest.approx(rmse)


def test_several_targets_are_pooled_in_standard_deviations():
    tasks = [_task("a", target="a"), _task("b", target="b")]
    data = [_data(tasks[0], [0.0, 2.0], train=[0.0, 2.0]), _data(tasks[1], [0.0, 2000.0], train=[0.0, 2000.0])]
    outputs = {0: np.array([1.0, 2.0]), 1: np.array([1000.0, 2000.0])}

    pooled = pooled_metrics(tasks, data, outputs, {})

    assert pooled["regression"]["rmse"] == pytest.approx(np.sqrt(0.5))


def test_classification_is_pooled_over_rows():
    tasks = [_task("a", "binary", metric="roc_auc"), _task("b", "binary", metric="roc_auc")]
    data = [_data(tasks[0], [0.0, 1.0, 1.0]), _data(tasks[1], [1.0])]
    outputs = {0: np.array([0.1, 0.9, 0.2]), 1: np.array([0.8])}

    assert pooled_metrics(tasks, data, outputs, {})["binary"]["accuracy"] == pytest.approx(3 / 4)
