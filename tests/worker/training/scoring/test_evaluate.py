"""Stored models measured and compared on a dataset."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from learning.metrics import test_metrics as metrics_of
from learning.predictor import Predictor
from learning.verdict import paired
from tests.learning.canonical import written
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from tests.worker.training.scoring.trained import TWO_TARGETS, trained

EVALUATE = {"kind": "evaluate", "models": ["mdl_1", "mdl_2"], "dataset": "ds_1"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    dataset = tables.two_targets(folder / "two.parquet")
    longer = {**TWO_TARGETS, "training": {"epochs": 60, "learning_rate": 0.05}}
    return {
        "mdl_1": trained(folder / "short", TWO_TARGETS, dataset),
        "mdl_2": trained(folder / "long", longer, dataset),
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return tables.two_targets(tmp_path_factory.mktemp("data") / "two.parquet", rows=500)


def test_metrics_and_differences_are_those_of_the_models_own_answers(tmp_path, models, dataset):
    ended, work, channel = attempt(tmp_path, EVALUATE, dataset, models=models)

    assert (ended["outcome"], ended.get("error")) == ("succeeded", None)
    told = result_of(work)
    rows = pq.read_table(dataset)
    labels = np.array(rows["y"].to_pylist())
    alone = {name: Predictor.load(path).predict_table(rows).by_task["y"].output for name, path in models.items()}
    y, hot = told["tasks"]
    assert (y["name"], y["type"], y["metric"], y["rows"]) == ("y", "regression", "rmse", 500)
    for name, own in alone.items():
        assert y["models"][name] == pytest.approx(metrics_of("regression", labels, own))
    expected = paired("rmse", labels, alone["mdl_1"], alone["mdl_2"])
    (difference,) = y["differences"]
    assert (difference["model"], difference["against"]) == ("mdl_2", "mdl_1")
    assert expected is not None
    assert (difference["gain"], *difference["interval"]) == pytest.approx((expected.gain, *expected.interval))
    assert difference["interval"][0] > 0, "sixty epochs are better than five"
    assert (hot["metric"], hot["models"].keys()) == ("roc_auc", models.keys())
    assert (told["result"]["rows"], told["result"]["warnings"]) == (500, [])
    assert channel.reports[-1]["fraction"] == 1.0


def test_every_model_answers_every_labelled_row(tmp_path, models, dataset):
    _, work, _ = attempt(tmp_path, EVALUATE, dataset, models=models)
    table = pq.read_table(work / "predictions.parquet")
    assert table.column_names == [
        "model", "task", "row", "value", "predicted_value", "label", "predicted_label", "probability",
    ]  # fmt: skip
    assert table.num_rows == 500 * 2 * 2
    rows = pq.read_table(dataset).to_pylist()
    for one in table.slice(0, 2000).to_pylist():
        source = rows[int(one["row"])]
        told = (one["value"], one["label"])
        assert told == ((source["y"], None) if one["task"] == "y" else (None, source["hot"]))


def test_rows_without_a_label_and_of_an_unknown_class_are_left_out_and_counted(tmp_path, models):
    cells = {"x1": ("number", [0.1, 0.9, 0.8, 0.2]), "x2": ("number", [0.5] * 4)}
    hot = ("category", ["no", "yes", None, "lukewarm"])
    dataset = written(tmp_path, {**cells, "hot": hot}).path
    _, work, _ = attempt(tmp_path, EVALUATE, dataset, models=models)
    told = result_of(work)
    (task,) = told["tasks"]
    assert (task["name"], task["rows"]) == ("hot", 2)
    assert [(one["code"], one["rows"], one["task"]) for one in told["result"]["warnings"]] == [
        ("unseen-class", 1, "hot")
    ]
    assert set(pq.read_table(work / "predictions.parquet")["row"].to_pylist()) == {0.0, 1.0}


def test_a_single_model_is_measured_without_a_difference(tmp_path, models, dataset):
    _, work, _ = attempt(tmp_path, {**EVALUATE, "models": ["mdl_1"]}, dataset, models=models)
    assert [task["differences"] for task in result_of(work)["tasks"]] == [[], []]


def test_a_label_column_without_a_label_measures_nothing(tmp_path, models):
    cells = {name: ("number", [0.5, 0.1]) for name in ("x1", "x2")}
    dataset = written(tmp_path, {**cells, "y": ("number", [None, None])}).path
    ended, work, _ = attempt(tmp_path, EVALUATE, dataset, models=models)
    assert ended["outcome"] == "succeeded", ended
    (task,) = result_of(work)["tasks"]
    assert (task["rows"], task["models"]) == (0, {"mdl_1": {}, "mdl_2": {}})
    assert task["differences"] == [{"model": "mdl_2", "against": "mdl_1", "gain": None, "interval": None}]


def test_an_order_to_stop_leaves_nothing(tmp_path, models, dataset):
    ended, _, _ = attempt(tmp_path, EVALUATE, dataset, models=models, channel=Recorder(reason="cancel"))
    assert ended == {"outcome": "cancelled"}
