"""One attempt of the training core, from an assignment to files, without a worker around it."""

import hashlib
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from learning.predictor import Predictor
from learning.registry import registry
from learning.specs import TrainingSpec
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.checkpoint import TrainingState
from worker.training.repeats import budget

TWO_TARGETS = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "hot"}],
    "network": {"name": "mlp", "widths": [16], "dropout": 0.1},
    "training": {"epochs": 30, "patience": None, "batch_size": 32},
}
SHOPS = {
    "kind": "multitask",
    "tasks": {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "stockout"}]},
    "network": {"name": "linear", "width": 8},
    "training": {"epochs": 150, "learning_rate": 0.01},
}


@pytest.fixture
def two_targets(tmp_path):
    return tables.two_targets(tmp_path / "two.parquet")


def test_an_attempt_leaves_a_model_a_result_and_predictions(tmp_path, two_targets):
    ended, work, channel = attempt(tmp_path, TWO_TARGETS, two_targets)

    assert ended["outcome"] == "succeeded"
    assert sorted(ended["files"].values()) == sorted(path.name for path in work.iterdir())
    assert channel.environments[0]["device"] == "cpu"
    assert [report["phase"] for report in channel.reports][-1] == "saving"
    assert channel.reports[-1]["fraction"] == 1.0


def test_mixed_tasks_learn_together_and_meet_every_rival(tmp_path, two_targets):
    _, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets)

    told = result_of(work)
    y, hot = told["tasks"]
    assert y["test"]["r2"] > 0.8
    assert hot["test"]["roc_auc"] > 0.9
    rivals = ["trivial", "linear", "boosted_trees", "single_task", "one_model_linear", "one_model_trees"]
    assert list(y["baselines"]) == list(hot["baselines"]) == rivals
    assert {task["verdict"] for task in told["tasks"]} <= {"helped", "hurt", "neutral", "inconclusive"}
    assert sum(told["result"]["counts"].values()) == 2


def test_the_metrics_are_those_of_the_stored_bytes(tmp_path, two_targets):
    _, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets)

    predictions = pq.read_table(work / "predictions.parquet").to_pylist()
    table = pq.read_table(two_targets)
    answers = Predictor.load(work / "model.safetensors").predict_table(table.select(["x1", "x2"])).by_task
    for told in predictions:
        row = int(told["row"])
        if told["task"] == "y":
            assert told["predicted_value"] == pytest.approx(answers["y"].output[row])
        else:
            assert told["predicted_label"] == ("yes" if answers["hot"].output[row] >= 0.5 else "no")
    errors = [(told["value"] - told["predicted_value"]) ** 2 for told in predictions if told["task"] == "y"]
    assert result_of(work)["tasks"][0]["test"]["rmse"] == pytest.approx((sum(errors) / len(errors)) ** 0.5)


def test_the_same_seed_gives_the_same_model_byte_for_byte(tmp_path, two_targets):
    hashes = []
    for number in (1, 2):
        _, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets, number=number)
        hashes.append(hashlib.sha256((work / "model.safetensors").read_bytes()).hexdigest())

    assert hashes[0] == hashes[1]


def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path, two_targets):
    spec = {**TWO_TARGETS, "baselines": False}
    _, whole, uninterrupted = attempt(tmp_path, spec, two_targets)

    ended, _, first = attempt(tmp_path, spec, two_targets, number=2, channel=Recorder(reason="preempt", stop_at=40))
    assert ended == {"outcome": "preempted"}
    step, path, _ = first.checkpoints[-1]
    _, resumed, second = attempt(tmp_path, spec, two_targets, number=3, checkpoints=[path])

    assert second.resumptions == [step]
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    before = [point for point in first.points if point["step"] <= step]
    assert before + second.points == uninterrupted.points


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": "sgd", "learning_rate": 0.01, "schedule": "cosine", "l1": 0.001, "epochs": 20, "patience": None},
        {"learning_rate": 0.02, "batch_size": 16, "epochs": 400, "patience": 3, "class_weight": "balanced"},
    ],
    ids=["momentum, l1 and a schedule", "early stopping and class weights"],
)
def test_training_on_two_tables_is_resumed_bit_for_bit(tmp_path, two_targets, training):
    other = tables.mixed(tmp_path / "mixed.parquet")
    tasks = [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_2", "target": "hot", "weight": 2.0}]
    spec = {**TWO_TARGETS, "tasks": tasks, "training": training, "baselines": False}
    more = {"ds_2": other}
    _, whole, uninterrupted = attempt(tmp_path, spec, two_targets, more=more)

    interruption = Recorder(reason="preempt", stop_at=8)
    ended, _, first = attempt(tmp_path, spec, two_targets, number=2, channel=interruption, more=more)
    assert ended == {"outcome": "preempted"}
    step, path, _ = first.checkpoints[-1]
    _, resumed, second = attempt(tmp_path, spec, two_targets, number=3, checkpoints=[path], more=more)

    assert second.resumptions == [step]
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert second.points == [point for point in uninterrupted.points if point["step"] > step]
    assert second.points
    assert second.reports[-1]["epoch"] == uninterrupted.reports[-1]["epoch"]


@pytest.mark.parametrize("balancing", registry().names("balancing"))
def test_what_a_balancing_method_draws_and_learns_is_resumed_bit_for_bit(tmp_path, two_targets, balancing):
    more = {"ds_2": tables.mixed(tmp_path / "mixed.parquet")}
    tasks = [*TWO_TARGETS["tasks"], {"dataset": "ds_2", "target": "hot"}]
    training = {"learning_rate": 0.01, "epochs": 20, "patience": None, "batch_size": 32}
    spec = {**TWO_TARGETS, "tasks": tasks, "training": training, "balancing": {"name": balancing}, "baselines": False}
    _, whole, uninterrupted = attempt(tmp_path, spec, two_targets, more=more)

    interruption = Recorder(reason="preempt", stop_at=8)
    _, _, first = attempt(tmp_path, spec, two_targets, number=2, channel=interruption, more=more)
    _, path, _ = first.checkpoints[-1]
    _, resumed, second = attempt(tmp_path, spec, two_targets, number=3, checkpoints=[path], more=more)

    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert 0 < len(second.points) < len(uninterrupted.points)
    assert second.points == uninterrupted.points[-len(second.points) :]


@pytest.mark.parametrize("sharing", registry().names("sharing"))
def test_every_way_of_sharing_learns_groups_and_is_resumed_bit_for_bit(tmp_path, sharing):
    shops = tables.shops(tmp_path / "shops.parquet")
    training = {"epochs": 60, "learning_rate": 0.01, "patience": None}
    spec = {**SHOPS, "training": training, "sharing": {"name": sharing}, "baselines": False}
    _, whole, _ = attempt(tmp_path, spec, shops)

    interruption = Recorder(reason="preempt", stop_at=40)
    _, _, first = attempt(tmp_path, spec, shops, number=2, channel=interruption)
    _, path, _ = first.checkpoints[-1]
    _, resumed, _ = attempt(tmp_path, spec, shops, number=3, checkpoints=[path])

    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert result_of(whole)["result"]["pooled"]["regression"]["r2"] > 0.3


def test_a_cancelled_attempt_leaves_nothing(tmp_path, two_targets):
    ended, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets, channel=Recorder(reason="cancel", stop_at=30))

    assert ended == {"outcome": "cancelled"}
    assert list(work.iterdir()) == []


def test_keep_best_leaves_the_best_model_so_far_without_rivals(tmp_path, two_targets):
    ended, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets, channel=Recorder(reason="keep_best", stop_at=90))

    assert ended["outcome"] == "cancelled"
    assert ended["files"]["model"] == "model.safetensors"
    assert Predictor.load(work / "model.safetensors").header.tasks
    assert all(task["verdict"] is None for task in result_of(work)["tasks"])


def test_there_is_no_best_model_to_keep_before_the_first_epoch_is_over(tmp_path, two_targets):
    ended, work, _ = attempt(tmp_path, TWO_TARGETS, two_targets, channel=Recorder(reason="keep_best", stop_at=2))

    assert ended == {"outcome": "cancelled"}
    assert list(work.iterdir()) == []


def test_max_seconds_stops_training_and_succeeds(tmp_path, two_targets):
    spec = {**TWO_TARGETS, "baselines": False}
    spec["training"] = {"epochs": 100_000, "patience": None, "max_seconds": 0.5}

    ended, _, channel = attempt(tmp_path, spec, two_targets)

    assert ended["outcome"] == "succeeded"
    assert channel.reports[-1]["epoch"] < 100_000


def test_a_rival_has_no_more_epochs_than_the_time_allowed_the_shared_model():
    limited, reached = TrainingSpec(epochs=500, max_seconds=2.0), TrainingState(epoch=29, out_of_time=True)

    assert budget(limited, reached).epochs == 29
    assert budget(limited, replace(reached, longest=31)).epochs == 31
    assert budget(limited, replace(reached, out_of_time=False)).epochs == 500


def test_the_rivals_end_soon_where_the_time_ran_out(tmp_path, two_targets):
    spec = {**TWO_TARGETS, "training": {"epochs": 100_000, "patience": None, "max_seconds": 0.1}}

    ended, work, channel = attempt(tmp_path, spec, two_targets)

    assert ended["outcome"] == "succeeded"
    assert channel.reports[-1]["epoch"] < 1_000
    assert all(task["baselines"]["single_task"]["rmse"] for task in result_of(work)["tasks"][:1])


def test_a_column_of_one_value_in_the_training_rows_is_told(tmp_path):
    dataset = tables.write(
        tmp_path / "odd.parquet",
        x=[float(i % 7) for i in range(60)],
        odd=[1.0] * 60,
        y=[float(i % 5) for i in range(60)],
    )
    spec = {**TWO_TARGETS, "tasks": [{"dataset": "ds_1", "target": "y"}], "baselines": False}

    _, _, channel = attempt(tmp_path, spec, dataset)

    assert [(level, message.partition(":")[0]) for level, message in channel.logs] == [("warning", "constant-feature")]


def test_a_diverging_training_fails_with_the_step(tmp_path, two_targets):
    spec = {**TWO_TARGETS, "training": {"epochs": 50, "optimizer": "sgd", "learning_rate": 10.0}}

    ended, _, _ = attempt(tmp_path, spec, two_targets)

    assert ended["outcome"] == "failed"
    assert ended["error"]["code"] == "training-diverged"
    assert ended["error"]["category"] == "user"


def test_groups_share_a_trunk_and_are_judged_each(tmp_path):
    _, work, _ = attempt(tmp_path, SHOPS, tables.shops(tmp_path / "shops.parquet"))

    told = result_of(work)
    assert len(told["tasks"]) == 24
    assert told["tasks"][0]["name"] == "shop=s00/demand"
    assert told["result"]["pooled"]["regression"]["r2"] > 0.5
    assert set(told["result"]["pooled"]["regression"]["baselines"]) >= {"one_model_linear", "one_model_trees"}


def test_small_groups_learn_from_the_others_and_get_no_verdict(tmp_path):
    _, work, _ = attempt(tmp_path, SHOPS, tables.shops(tmp_path / "shops.parquet", small=3))

    by_name = {task["name"]: task for task in result_of(work)["tasks"]}
    assert by_name["shop=s11/demand"]["verdict"] is None
    assert by_name["shop=s00/demand"]["verdict"] is not None


def test_an_unseen_group_is_answered_by_the_mean_head(tmp_path):
    _, work, _ = attempt(tmp_path, SHOPS, tables.shops(tmp_path / "shops.parquet"))

    predictor = Predictor.load(work / "model.safetensors")
    columns = {"x0": [0.3], "x1": [0.1], "x2": [-0.2]}
    answer = predictor.predict({**columns, "shop": ["nobody"]})

    assert [notice.code for notice in answer.notices] == ["unseen-group"]
    known = [predictor.predict({**columns, "shop": [f"s{i:02d}"]}).by_task["demand"].output[0] for i in range(12)]
    assert min(known) < answer.by_task["demand"].output[0] < max(known)


def test_a_spec_that_does_not_fit_its_table_fails_with_a_pointer(tmp_path, two_targets):
    spec = {**TWO_TARGETS, "tasks": [{"dataset": "ds_1", "target": "nothing"}]}

    ended, _, _ = attempt(tmp_path, spec, two_targets)

    assert ended["error"]["code"] == "target-not-found"
    assert ended["error"]["param"] == "/tasks/0/target"
