"""A training done again from its record gives the same weights, bit for bit, and says so; or says by how much it does not."""

import numpy as np
import pytest

from learning.model import TrainedModel
from learning.specs import ReplayJob, parse_job, parse_spec
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.replay import compare, device_asked

TRAINING = {"epochs": 4, "patience": None, "batch_size": 32}
MULTITASK = {
    "kind": "multitask",
    "tasks": [
        {"name": "y", "dataset": "ds_1", "target": "y", "type": "regression"},
        {"name": "hot", "dataset": "ds_1", "target": "hot", "type": "binary"},
    ],
    "network": {"name": "mlp", "widths": [8], "dropout": 0.1},
    "training": TRAINING,
    "baselines": False,
}
TRANSFER = {
    "kind": "transfer",
    "source": "mdl_1",
    "task": {"name": "y", "dataset": "ds_2", "target": "y", "type": "regression", "features": ["x1", "x2"]},
    "training": TRAINING,
    "baselines": False,
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A stored model and its table."""
    folder = tmp_path_factory.mktemp("source")
    table = tables.two_targets(folder / "two.parquet", rows=120)
    ended, work, channel = attempt(folder, MULTITASK, table)
    assert ended["outcome"] == "succeeded"
    return work / "model.safetensors", table, channel.environments[0]


@pytest.fixture
def again(tmp_path, source):
    """Replay ``spec``, whose model lies at ``path``; → how it ended, its result, its channel."""

    def run(spec, path, *, environment=source[2], table=source[1], **how):
        record = parse_spec(spec).model_dump(mode="json")
        job = ReplayJob(job="job_1", model="mdl_9", spec=record, environment=environment)
        models = {"mdl_1": source[0], "mdl_9": path}
        more = {"ds_2": source[1]}
        return attempt(tmp_path, job.model_dump(mode="json"), table, number=9, more=more, models=models, **how)

    return run


def test_a_multitask_job_comes_out_bit_for_bit(source, again):
    ended, work, channel = again(MULTITASK, source[0])

    assert ended == {"outcome": "succeeded", "files": {"result": "result.json"}}
    told = result_of(work)
    result = {key: told["result"][key] for key in ("reproduced", "max_abs_difference", "warnings")}
    assert result == {"reproduced": True, "max_abs_difference": 0.0, "warnings": []}
    assert (told["tasks"], told["model"], channel.logs) == ([], {}, [])
    assert channel.points


def test_a_transfer_comes_out_bit_for_bit(tmp_path, source, again):
    _, work, _ = attempt(tmp_path, TRANSFER, source[1], more={"ds_2": source[1]}, models={"mdl_1": source[0]})
    _, told, _ = again(TRANSFER, work / "model.safetensors")
    assert result_of(told)["result"]["reproduced"] is True


def test_a_meta_training_comes_out_bit_for_bit(tmp_path, again):
    random = np.random.default_rng(0)
    wave = [f"w{row // 10:02}" for row in range(200)]
    x = random.uniform(-3, 3, 200)
    path = tables.write(tmp_path / "waves.parquet", wave=wave, x=x.tolist(), y=np.sin(x).tolist())
    job = {
        "kind": "meta",
        "tasks": {"dataset": "ds_1", "group_by": ["wave"], "targets": [{"target": "y"}]},
        "shots": 4,
        "network": {"name": "mlp", "widths": [8]},
        "training": {"iterations": 20, "tasks_per_batch": 4},
        "evaluation": [{"episodes": 5}],
        "baselines": False,
    }
    ended, work, _ = attempt(tmp_path, job, path)
    assert ended["outcome"] == "succeeded", ended
    _, told, _ = again(job, work / "model.safetensors", table=path)
    assert result_of(told)["result"]["reproduced"] is True


def test_of_repeats_the_stored_one_is_compared(source, again):
    _, work, channel = again({**MULTITASK, "repeats": 3}, source[0])
    assert result_of(work)["result"]["reproduced"] is True
    assert channel.reports[-1]["epochs"] == TRAINING["epochs"]


def test_of_folds_only_the_stored_model_is_trained_again(tmp_path, source, again):
    job = {**MULTITASK, "split": {"folds": 3}}
    _, work, _ = attempt(tmp_path, job, source[1])
    _, told, channel = again(job, work / "model.safetensors")
    assert result_of(told)["result"]["reproduced"] is True
    assert channel.reports[-1]["epochs"] == TRAINING["epochs"]


def test_other_weights_are_told_with_the_largest_distance(tmp_path, source, again):
    known = TrainedModel.load(source[0])
    tensors = dict(known.tensors)
    tensors["heads.bias"] = tensors["heads.bias"] + np.float32(0.25)
    TrainedModel(known.header, tensors).save(tmp_path / "odd.safetensors")

    _, work, _ = again(MULTITASK, tmp_path / "odd.safetensors")

    result = result_of(work)["result"]
    assert result["reproduced"] is False
    assert result["max_abs_difference"] == pytest.approx(0.25, rel=1e-5)


def test_a_training_cut_by_the_clock_says_why_it_came_out_otherwise(source, again):
    job = {**MULTITASK, "training": {**TRAINING, "epochs": 2, "max_seconds": 1e-6}}
    _, work, _ = again(job, source[0])
    result = result_of(work)["result"]
    assert result["reproduced"] is False
    assert [warning["code"] for warning in result["warnings"]] == ["limited-by-time"]


def test_another_environment_is_told_in_the_result_and_the_log(source, again):
    _, work, channel = again(MULTITASK, source[0], environment={**source[2], "torch": "2.0.0", "threads": 64})

    result = result_of(work)["result"]
    assert result["reproduced"] is True
    details = [warning["detail"] for warning in result["warnings"]]
    assert {warning["code"] for warning in result["warnings"]} == {"environment-differs"}
    assert details[0] == "threads: expected 64 as recorded, found 1"
    assert details[1].startswith("torch: expected '2.0.0' as recorded")
    assert [level for level, _ in channel.logs] == ["warning", "warning"]


@pytest.mark.parametrize(("reason", "outcome"), [("keep_best", "cancelled"), ("preempt", "preempted")])
def test_a_replay_that_is_stopped_leaves_nothing(source, again, reason, outcome):
    ended, work, _ = again(MULTITASK, source[0], channel=Recorder(reason=reason, stop_at=3))
    assert ended == {"outcome": outcome}
    assert not (work / "result.json").exists()


def test_a_preempted_replay_goes_on_where_it_was(tmp_path, source, again):
    _, _, first = again(MULTITASK, source[0], channel=Recorder(reason="preempt", stop_at=9))
    (tmp_path / "work-9").rename(tmp_path / "work-8")
    step, path, _ = first.checkpoints[-1]
    _, work, second = again(MULTITASK, source[0], checkpoints=[path])
    assert second.resumptions == [step]
    assert result_of(work)["result"]["reproduced"] is True


@pytest.mark.parametrize(
    ("asked", "recorded", "device"),
    [
        ("auto", {"device": "cpu"}, "cpu"),
        ("auto", {"device": "cuda"}, "auto"),
        ("cuda:1", {"device": "cuda"}, "cuda:1"),
    ],
)
def test_what_ran_on_the_cpu_does_so_again(asked, recorded, device):
    training = parse_job({**MULTITASK, "training": {"device": asked}})
    assert device_asked(training, recorded) == device


def test_models_of_other_shapes_or_names_have_no_distance_and_signs_of_zero_count():
    ones, zeros = np.ones((2, 2), np.float32), np.zeros(3, np.float32)
    assert compare({"a": ones}, {"b": ones}).max_abs_difference is None
    assert compare({"a": ones}, {"a": ones[:1]}).max_abs_difference is None
    signed = compare({"a": zeros}, {"a": -zeros})
    assert (signed.reproduced, signed.max_abs_difference) == (False, 0.0)
