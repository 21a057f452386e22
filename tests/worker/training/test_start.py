"""A multi-task training that starts from a stored model: its trunk, its encoding, the heads of the tasks that it has."""

import shutil
from typing import Any

import numpy as np
import pytest

from learning.model import TrainedModel
from learning.predictor import Predictor
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder

NETWORK = {"name": "mlp", "widths": [8], "dropout": 0.1}
TRAINING = {"epochs": 4, "patience": None, "batch_size": 32, "learning_rate": 0.01}
STILL = {**TRAINING, "epochs": 1, "learning_rate": 1e-12}
ROWS = {"x1": [0.1, 0.5, 0.9], "x2": [0.7, 0.2, 0.4]}


def spec(*targets, dataset="ds_2", **fields):
    return {
        "kind": "multitask",
        "tasks": [{"dataset": dataset, "target": target, "exclude": ["fresh"]} for target in targets],
        "training": TRAINING,
        "baselines": False,
        "init": "mdl_1",
        **fields,
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    table = tables.two_targets(folder / "two.parquet", rows=200)
    job = spec("y", "hot", dataset="ds_1", init=None, network=NETWORK, training={**TRAINING, "epochs": 10})
    job["tasks"] = [{"dataset": "ds_1", "target": target} for target in ("y", "hot")]
    ended, work, _ = attempt(folder, job, table)
    assert ended["outcome"] == "succeeded", ended
    return work / "model.safetensors", table


@pytest.fixture
def table(tmp_path):
    """The source's inputs in another order and scale, one task that it has and one that it has not."""
    random = np.random.default_rng(5)
    x = random.uniform(size=(120, 2))
    y = (x @ [1.0, 2.0] * 3.0 + 50.0).tolist()
    kind = [("low", "middle", "high")[int(value)] for value in np.clip(x.sum(1) * 1.5, 0, 2)]
    fresh = random.normal(size=120).tolist()
    return tables.write(tmp_path / "new.parquet", x2=x[:, 1].tolist(), fresh=fresh, x1=x[:, 0].tolist(), y=y, kind=kind)


@pytest.fixture
def warm(tmp_path, source, table):
    def run(job, *, number=1, **how):
        return attempt(
            tmp_path, job, source[1], number=number, more={"ds_2": table}, models={"mdl_1": source[0]}, **how
        )

    return run


def test_a_task_that_the_source_has_begins_with_its_answers_beside_a_new_one(source, warm):
    """With steps too small to move anything, the new model says what the source does."""
    ended, work, _ = warm(spec("y", "kind", training=STILL))

    assert ended["outcome"] == "succeeded", ended
    theirs = Predictor.load(source[0]).predict(ROWS, tasks=["y"]).by_task["y"].output
    ours = Predictor.load(work / "model.safetensors").predict(ROWS).by_task
    assert set(ours) == {"y", "kind"}
    assert ours["y"].output == pytest.approx(theirs, rel=1e-4)
    before, after = TrainedModel.load(source[0]), TrainedModel.load(work / "model.safetensors")
    assert after.header.encoding == before.header.encoding
    assert np.allclose(after.tensors["trunk.layers.0.weight"], before.tensors["trunk.layers.0.weight"], atol=1e-6)


def test_it_goes_on_learning_from_there_better_than_from_scratch_in_few_steps(source, warm):
    again = spec("y", training={**TRAINING, "epochs": 2})
    again["tasks"] = [{"dataset": "ds_1", "target": "y", "exclude": ["hot"]}]
    _, warmed, _ = warm(again)
    _, cold, _ = warm({**again, "init": None, "network": NETWORK}, number=2)

    ours, theirs = (result_of(work)["tasks"][0]["test"]["rmse"] for work in (warmed, cold))
    assert ours < theirs
    assert result_of(warmed)["model"]["kind"] == "multitask"


def test_its_rivals_are_trained_from_scratch_on_its_own_rows(warm):
    """A linear rival reads the table as the table suggests, and training alone starts from first values."""
    job = spec("y", "kind", baselines=True, training={**TRAINING, "epochs": 2})
    job["tasks"] = [{"dataset": "ds_2", "target": target, "features": ["x1", "x2"]} for target in ("y", "kind")]
    _, warmed, _ = warm(job)
    _, cold, _ = warm({**job, "init": None, "network": NETWORK}, number=2)

    ours, theirs = (
        [{name: task["baselines"][name] for name in ("linear", "single_task")} for task in result_of(work)["tasks"]]
        for work in (warmed, cold)
    )
    assert ours == theirs
    assert all(task["verdict"] for task in result_of(warmed)["tasks"])


def test_groups_go_on_from_the_heads_of_their_keys(tmp_path):
    shops = tables.shops(tmp_path / "shops.parquet", groups=4, rows=40)
    tasks = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}], "exclude": ["stockout"]}
    job = {**spec("y", init=None, network=NETWORK), "tasks": tasks}
    _, first, _ = attempt(tmp_path, job, shops)
    models = {"mdl_1": first / "model.safetensors"}
    ended, second, _ = attempt(tmp_path, {**job, "init": "mdl_1", "training": STILL}, shops, number=2, models=models)

    assert ended["outcome"] == "succeeded", ended
    rows: dict[str, list[Any]] = {"shop": ["s00", "s03"], **{f"x{i}": [0.3, -0.4] for i in range(3)}}
    before, after = (Predictor.load(work / "model.safetensors").predict(rows) for work in (first, second))
    assert after.by_task["demand"].output == pytest.approx(before.by_task["demand"].output, rel=1e-4)


def test_repeats_all_start_from_the_source(source, warm):
    _, work, _ = warm(spec("y", repeats=3, training=STILL))
    values = result_of(work)["tasks"][0]["spread"]["values"]
    assert values == pytest.approx([values[0]] * 3, rel=1e-4)


def test_folds_all_start_from_the_source(warm):
    ended, work, _ = warm(spec("y", split={"folds": 3}, training=STILL))
    assert ended["outcome"] == "succeeded", ended
    assert result_of(work)["tasks"][0]["rows"]["test"] == 120


def test_a_resumed_one_equals_the_uninterrupted_one_bit_for_bit(tmp_path, warm):
    job = spec("y", "kind", training={**TRAINING, "epochs": 12})
    _, whole, _ = warm(job)
    shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
    ended, _, first = warm(job, number=2, channel=Recorder(reason="preempt", stop_at=14))
    assert ended == {"outcome": "preempted"}
    step, path, _ = first.checkpoints[-1]
    _, resumed, second = warm(job, number=3, checkpoints=[path])

    assert second.resumptions == [step]
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_model_that_began_warm_is_the_source_of_the_next_of_whatever_kind(tmp_path, source, table, warm):
    _, first, _ = warm(spec("y", "kind"))
    models = {"mdl_1": first / "model.safetensors"}
    more = {"ds_2": table}
    for number, job in enumerate(
        (
            spec("kind"),
            {
                "kind": "transfer",
                "source": "mdl_1",
                "task": {"dataset": "ds_2", "target": "kind"},
                "training": TRAINING,
                "baselines": False,
            },
        ),
        start=2,
    ):
        ended, work, _ = attempt(tmp_path, job, source[1], number=number, more=more, models=models)
        assert ended["outcome"] == "succeeded", ended
    assert set(result_of(work)["result"]["forgetting"]["tasks"]) == {"y", "kind"}


def test_what_does_not_fit_ends_the_job_with_the_users_error(warm):
    ended, _, _ = warm(spec("y", network={"name": "linear"}))
    assert ended["outcome"] == "failed"
    assert (ended["error"]["code"], ended["error"]["param"]) == ("source-architecture", "/init")
