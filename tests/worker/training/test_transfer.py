"""One attempt at a transfer: from a stored model and a new table to a model that started there."""

import shutil

import numpy as np
import pytest
import torch

from learning.model import TrainedModel
from learning.predictor import Predictor
from learning.tables import Table
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.baselines.single_task import Stopped
from worker.training.forgetting import forgetting

NETWORK = {"name": "mlp", "widths": [16, 8], "dropout": 0.1}
SOURCE = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "hot"}],
    "network": NETWORK,
    "training": {"epochs": 20, "patience": None, "batch_size": 32},
    "baselines": False,
}
EPOCHS = 12
TRAINING = {"epochs": EPOCHS, "patience": None, "batch_size": 32, "learning_rate": 0.01}


def few(path, *, rows=120, other=False, shift=0.0):
    """A second table of the same inputs: y as before, or a new target of three classes."""
    random = np.random.default_rng(5)
    x = random.uniform(size=(rows, 2))
    y = x @ [1.0, 2.0] * 3.0 + shift + random.normal(scale=0.1, size=rows)
    kind = [("low", "middle", "high")[int(value)] for value in np.clip(x.sum(1) * 1.5, 0, 2)]
    targets = {"kind": kind} if other else {"y": y.tolist()}
    return tables.write(
        path, x2=x[:, 1].tolist(), fresh=random.normal(size=rows).tolist(), x1=x[:, 0].tolist(), **targets
    )


def spec(target="y", **fields):
    return {
        "kind": "transfer",
        "source": "mdl_1",
        "task": {"dataset": "ds_2", "target": target},
        "training": TRAINING,
        "baselines": False,
        **fields,
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    table = tables.two_targets(folder / "two.parquet")
    ended, work, _ = attempt(folder, SOURCE, table)
    assert ended["outcome"] == "succeeded"
    return work / "model.safetensors", table


@pytest.fixture
def moved(tmp_path, source):
    """Run a transfer; ``more`` tables beside ``ds_2``, the source's own is ``ds_1``."""
    model, table = source

    def run(job, target_table, *, number=1, **how):
        return attempt(tmp_path, job, table, number=number, more={"ds_2": target_table}, models={"mdl_1": model}, **how)

    return run


def weights(work):
    return TrainedModel.load(work / "model.safetensors").tensors


def test_a_transfer_leaves_a_model_and_is_judged_against_training_from_scratch(tmp_path, moved):
    ended, work, _ = moved(spec("kind", baselines=True), few(tmp_path / "few.parquet", other=True))

    assert ended["outcome"] == "succeeded", ended
    told = result_of(work)
    (task,) = told["tasks"]
    assert list(task["baselines"]) == ["trivial", "linear", "boosted_trees", "from_scratch"]
    assert set(task["gains"]) == {"from_scratch", "best"}
    assert task["verdict"] in {"helped", "hurt", "neutral", "inconclusive"}
    assert sum(told["result"]["counts"].values()) == 1
    assert "scratch" in told["result"]["summary"]
    assert told["model"]["kind"] == "transfer"
    assert told["model"]["method"] == {"name": "finetune", "parts": None}
    answers = Predictor.load(work / "model.safetensors").predict({"x1": [0.1, 0.9], "x2": [0.1, 0.9]})
    assert set(answers.by_task) == {"kind"}


def test_a_linear_probe_leaves_the_trunk_bitwise_as_it_was_and_forgets_nothing(tmp_path, source, moved):
    job = spec("kind", method={"name": "linear_probe"}, training={**TRAINING, "l1": 0.01, "l2": 0.1})
    _, work, _ = moved(job, few(tmp_path / "few.parquet", other=True))

    before, after = TrainedModel.load(source[0]).tensors, weights(work)
    assert all(np.array_equal(after[name], before[name]) for name in before if name.startswith("trunk."))
    forgotten = result_of(work)["result"]["forgetting"]
    assert set(forgotten["tasks"]) == {"y", "hot"}
    assert all(task["before"] == task["after"] for task in forgotten["tasks"].values())


def test_only_the_named_parts_move(tmp_path, source, moved):
    job = spec(method={"name": "finetune", "parts": ["trunk.layers.1", "head"]})
    _, work, _ = moved(job, few(tmp_path / "few.parquet"))

    before, after = TrainedModel.load(source[0]).tensors, weights(work)
    assert np.array_equal(after["trunk.layers.0.weight"], before["trunk.layers.0.weight"])
    assert np.array_equal(after["trunk.layers.0.bias"], before["trunk.layers.0.bias"])
    assert not np.array_equal(after["trunk.layers.1.weight"], before["trunk.layers.1.weight"])


def test_without_its_penalties_l2_sp_is_fine_tuning(tmp_path, moved):
    table = few(tmp_path / "few.parquet")
    _, plain, _ = moved(spec(method={"name": "finetune"}), table)
    _, held, _ = moved(spec(method={"name": "l2_sp", "alpha": 0.0, "beta": 0.0}), table, number=2)

    ours, theirs = weights(plain), weights(held)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_more_firmly_l2_sp_holds_the_nearer_the_weights_stay(tmp_path, source, moved):
    table, start = few(tmp_path / "few.parquet", other=True), TrainedModel.load(source[0]).tensors
    distances = []
    for number, alpha in enumerate((0.0, 0.1, 10.0), start=1):
        _, work, _ = moved(spec("kind", method={"name": "l2_sp", "alpha": alpha}), table, number=number)
        after = weights(work)
        moves = [after[name] - start[name] for name in start if name.startswith("trunk.")]
        distances.append(sum(float(np.square(move).sum()) for move in moves))

    assert distances[0] > distances[1] > distances[2]


def test_a_regression_that_the_source_knows_starts_with_its_answers_in_new_units(tmp_path, source, moved):
    """With steps too small to move anything, the new model says what the source does."""
    job = spec(training={**TRAINING, "epochs": 1, "learning_rate": 1e-12})
    _, work, _ = moved(job, few(tmp_path / "few.parquet", shift=50.0))

    rows = {"x1": [0.1, 0.5, 0.9], "x2": [0.7, 0.2, 0.4]}
    theirs = Predictor.load(source[0]).predict(rows, tasks=["y"]).by_task["y"].output
    ours = Predictor.load(work / "model.safetensors").predict(rows).by_task["y"].output
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_what_fine_tuning_costs_the_source_is_told_on_its_own_test_rows(tmp_path, moved):
    job = spec("kind", training={**TRAINING, "epochs": 30, "learning_rate": 0.05})
    _, work, _ = moved(job, few(tmp_path / "few.parquet", other=True))

    forgotten = result_of(work)["result"]["forgetting"]
    assert forgotten["mean"]["rmse"]["tasks"] == 1
    y = forgotten["tasks"]["y"]
    assert y["after"] > y["before"] > 0


def test_without_the_sources_dataset_nothing_is_said_of_forgetting(tmp_path, source):
    table = few(tmp_path / "few.parquet")
    ended, work, _ = attempt(
        tmp_path, {**spec(), "task": {"dataset": "ds_1", "target": "y"}}, table, models={"mdl_1": source[0]}
    )
    # the dataset of this id is another one: its rows have no such targets, so the source's job cannot be planned again
    assert ended["outcome"] == "succeeded"
    assert result_of(work)["result"]["forgetting"] is None


@pytest.mark.parametrize(
    "method", [{"name": "finetune"}, {"name": "linear_probe"}, {"name": "l2_sp"}], ids=lambda m: m["name"]
)
def test_a_resumed_transfer_equals_the_uninterrupted_one_bit_for_bit(tmp_path, moved, method):
    table = few(tmp_path / "few.parquet", other=True)
    job = spec("kind", method=method)
    _, whole, uninterrupted = moved(job, table)
    shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)

    ended, _, first = moved(job, table, number=2, channel=Recorder(reason="preempt", stop_at=14))
    assert ended == {"outcome": "preempted"}
    step, path, _ = first.checkpoints[-1]
    _, resumed, second = moved(job, table, number=3, checkpoints=[path])

    assert second.resumptions == [step]
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert [point for point in first.points if point["step"] <= step] + second.points == uninterrupted.points


def test_of_a_source_that_names_another_job_than_its_own_nothing_is_said(tmp_path, source):
    known = TrainedModel.load(source[0])
    job = {**(known.header.job or {}), "tasks": [{"name": "other", "dataset": "ds_1", "target": "y"}]}
    TrainedModel(known.header.model_copy(update={"job": job}), known.tensors).save(tmp_path / "odd.safetensors")
    models = {"mdl_1": tmp_path / "odd.safetensors"}
    table = few(tmp_path / "few.parquet")
    ended, work, _ = attempt(tmp_path, spec(), source[1], more={"ds_2": table}, models=models)

    assert ended["outcome"] == "succeeded"
    assert result_of(work)["result"]["forgetting"] is None


def test_of_a_source_that_reads_more_than_the_job_it_names_nothing_is_said(tmp_path, source):
    known = TrainedModel.load(source[0])
    job = known.header.job or {}
    job = {**job, "tasks": [{**task, "features": ["x1"]} for task in job["tasks"]]}
    TrainedModel(known.header.model_copy(update={"job": job}), known.tensors).save(tmp_path / "odd.safetensors")
    models = {"mdl_1": tmp_path / "odd.safetensors"}
    table = few(tmp_path / "few.parquet")
    ended, work, _ = attempt(tmp_path, spec(), source[1], more={"ds_2": table}, models=models)

    assert ended["outcome"] == "succeeded"
    assert result_of(work)["result"]["forgetting"] is None


def test_a_cancel_that_keeps_the_best_leaves_a_model_without_rivals(tmp_path, moved):
    stop = Recorder(reason="keep_best", stop_at=14)
    ended, work, _ = moved(spec("kind", baselines=True), few(tmp_path / "few.parquet", other=True), channel=stop)

    assert ended["outcome"] == "cancelled"
    assert ended["files"]["model"] == "model.safetensors"
    assert result_of(work)["tasks"][0]["baselines"] == {}


class Phased(Recorder):
    """Asks for ``reason`` while the attempt is in ``phase``."""

    def __init__(self, reason, phase):
        super().__init__()
        self._wanted, self._phase = reason, phase

    @property
    def stop(self):
        return self._wanted if self.reports and self.reports[-1]["phase"] == self._phase else None


def test_who_stops_it_does_not_wait_for_what_the_source_forgets(tmp_path, moved):
    table = few(tmp_path / "few.parquet", other=True)
    ended, _, _ = moved(spec("kind"), table, channel=Phased("cancel", "evaluating"))
    assert ended == {"outcome": "cancelled"}
    ended, _, _ = moved(spec("kind"), table, number=2, channel=Phased("preempt", "evaluating"))
    assert ended == {"outcome": "preempted"}
    _, work, _ = moved(spec("kind", baselines=True), table, number=3, channel=Phased("keep_best", "evaluating"))
    assert result_of(work)["result"]["forgetting"] is None
    assert result_of(work)["tasks"][0]["baselines"] == {}
    assert (work / "model.safetensors").exists()


def test_what_the_source_forgets_is_asked_a_table_at_a_time(source):
    known = TrainedModel.load(source[0])
    asked: list[None] = []

    def third():
        asked.append(None)
        return len(asked) == 3

    with pytest.raises(Stopped):
        forgetting(known, known.tensors, {"ds_1": Table("ds_1", source[1])}, stop=third)
    assert len(asked) == 3


def test_max_seconds_ends_the_training_with_a_model(tmp_path, moved):
    job = spec("kind", training={**TRAINING, "epochs": 100_000, "max_seconds": 0.2})
    ended, _, channel = moved(job, few(tmp_path / "few.parquet", other=True))

    assert ended["outcome"] == "succeeded"
    assert channel.reports[-1]["epoch"] < 100_000


def test_a_transferred_model_is_the_source_of_the_next(tmp_path, moved):
    _, first, _ = moved(spec("kind"), few(tmp_path / "few.parquet", other=True))
    again = spec("kind", source="mdl_2", method={"name": "linear_probe"})
    table = few(tmp_path / "more.parquet", other=True)
    ended, work, _ = attempt(
        tmp_path, again, table, number=2, more={"ds_2": table}, models={"mdl_2": first / "model.safetensors"}
    )

    assert ended["outcome"] == "succeeded"
    assert set(result_of(work)["result"]["forgetting"]["tasks"]) == {"kind"}


def test_of_a_source_whose_heads_are_tied_the_head_is_what_it_answers_with(tmp_path, source):
    tied = {**SOURCE, "sharing": {"name": "mean_regularised", "strength": 0.01}}
    _, first, _ = attempt(tmp_path, tied, source[1])
    table = few(tmp_path / "few.parquet", shift=50.0)
    job = spec(training={**TRAINING, "epochs": 1, "learning_rate": 1e-12})
    models = {"mdl_1": first / "model.safetensors"}
    ended, work, _ = attempt(tmp_path, job, source[1], number=2, more={"ds_2": table}, models=models)

    assert ended["outcome"] == "succeeded"
    rows = {"x1": [0.1, 0.5, 0.9], "x2": [0.7, 0.2, 0.4]}
    theirs = Predictor.load(models["mdl_1"]).predict(rows, tasks=["y"]).by_task["y"].output
    ours = Predictor.load(work / "model.safetensors").predict(rows).by_task["y"].output
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_with_repeats_the_first_model_is_stored_and_all_are_in_the_interval(tmp_path, moved):
    table = few(tmp_path / "few.parquet")
    _, once, _ = moved(spec(), table)
    ended, work, channel = moved(spec(repeats=3, baselines=True), table, number=2)

    assert ended["outcome"] == "succeeded", ended
    assert all(np.array_equal(weights(once)[name], tensor) for name, tensor in weights(work).items())
    (task,) = result_of(work)["tasks"]
    assert len(task["spread"]["values"]) == 3
    assert len(set(task["spread"]["values"])) > 1
    assert task["spread"]["values"][0] == task["test"]["rmse"]
    assert channel.reports[-1]["epochs"] == 3 * EPOCHS
    assert set(task["baselines"]) == {"trivial", "linear", "boosted_trees", "from_scratch"}


def test_training_from_scratch_has_as_many_seeds_as_the_transfer_and_three_at_least(tmp_path, moved):
    """More seeds on both sides narrow what the seeds leave open."""
    table = few(tmp_path / "few.parquet")
    intervals = []
    for number, repeats in enumerate((1, 5), start=1):
        _, work, _ = moved(spec(repeats=repeats, baselines=True), table, number=number)
        intervals.append(result_of(work)["tasks"][0]["interval"])
    widths = [high - low for low, high in intervals]
    assert widths[1] < widths[0]


def test_repeats_that_are_interrupted_between_two_go_on_there(tmp_path, moved):
    table, job = few(tmp_path / "few.parquet", other=True), spec("kind", repeats=2)
    _, _, alone = moved(spec("kind"), table, number=4)
    _, whole, _ = moved(job, table)
    shutil.rmtree(tmp_path / "checkpoints", ignore_errors=True)
    within_the_second = 6 * EPOCHS

    ended, _, first = moved(job, table, number=2, channel=Recorder(reason="preempt", stop_at=within_the_second))
    assert ended == {"outcome": "preempted"}
    step, path, _ = first.checkpoints[-1]
    assert step > alone.reports[-1]["step"]
    _, resumed, second = moved(job, table, number=3, checkpoints=[path])

    assert second.resumptions == [step]
    assert (resumed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert result_of(resumed)["tasks"] == result_of(whole)["tasks"]


def test_a_table_that_lacks_a_feature_is_refused(tmp_path, moved):
    table = tables.write(
        tmp_path / "odd.parquet", x1=[float(i) for i in range(30)], y=[float(i % 7) for i in range(30)]
    )
    ended, _, _ = moved(spec(), table)

    assert ended["outcome"] == "failed"
    assert (ended["error"]["code"], ended["error"]["param"]) == ("source-feature-mismatch", "/task/features")


def test_the_source_itself_is_not_touched(tmp_path, source, moved):
    before = source[0].read_bytes()
    moved(spec(), few(tmp_path / "few.parquet"))
    assert source[0].read_bytes() == before
    assert torch.get_num_threads() == 1
