"""Attempts on pictures: multi-task training with its rivals, transfer, and batch prediction, by Conv4."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learning.model import TrainedModel
from learning.predictor import Predictor
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of

CONV4 = {"name": "conv4", "filters": 8}
TRAINING = {"epochs": 30, "patience": None, "batch_size": 16, "learning_rate": 0.01}
BARS: dict[str, Any] = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "kind"}, {"dataset": "ds_1", "target": "bright"}],
    "network": CONV4,
    "training": TRAINING,
    "baselines": False,
}


def two_tasks(path):
    """Bars, and beside them how bright a lamp was: what no pixel tells."""
    lamp = np.random.default_rng(1).normal(size=120)
    return tables.bars(path, lamp=lamp.tolist(), bright=(2.0 * lamp + 1.0).tolist())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    table = two_tasks(folder / "bars.parquet")
    ended, work, _ = attempt(folder, BARS, table)
    assert ended["outcome"] == "succeeded", ended
    return work, table


def test_pictures_and_numbers_are_learned_together(source):
    work, _ = source
    kind, bright = result_of(work)["tasks"]
    assert kind["test"]["roc_auc"] > 0.95
    assert bright["test"]["r2"] > 0.5
    image, lamp = result_of(work)["model"]["inputs"]
    assert image == {"name": "image", "type": "image", "height": 16, "width": 16, "channels": 1}
    assert lamp == {"name": "lamp", "type": "number"}


def test_the_stored_bytes_answer_a_picture_alone_as_among_others(source):
    work, _ = source
    predictor = Predictor.load(work / "model.safetensors")
    images, lamps = [*tables.pictures(5, seed=9)], [0.0, 1.0, None, -1.0, 2.0]
    together = predictor.predict({"image": images, "lamp": lamps}).by_task
    assert together["kind"].to_json()["labels"] == ["lies", "stands", "lies", "stands", "lies"]
    for row, (image, lamp) in enumerate(zip(images, lamps, strict=True)):
        alone = predictor.predict({"image": [image], "lamp": [lamp]}).by_task
        assert alone["bright"].output[0] == pytest.approx(together["bright"].output[row], rel=1e-5)


def test_every_rival_meets_the_pictures_in_time(tmp_path):
    table = tables.bars(tmp_path / "bars.parquet")
    job = {**BARS, "tasks": BARS["tasks"][:1], "baselines": True, "training": {**TRAINING, "epochs": 4}}
    _, work, _ = attempt(tmp_path, job, table)
    (kind,) = result_of(work)["tasks"]
    rivals = ["trivial", "linear", "boosted_trees", "single_task", "one_model_linear", "one_model_trees"]
    assert list(kind["baselines"]) == rivals
    assert result_of(work)["result"]["seconds"]["baselines"] < 60


def test_the_same_seed_trains_the_same_model(tmp_path, source):
    work, table = source
    _, again, _ = attempt(tmp_path, BARS, table)
    first, second = (TrainedModel.load(one / "model.safetensors").tensors for one in (work, again))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def moved(folder, source, **fields):
    work, table = source
    few = tables.bars(folder / "few.parquet", 40, seed=5, kinds=("flat", "upright"), lamp=[0.5, -0.5] * 20)
    job = {
        "kind": "transfer",
        "source": "mdl_1",
        "task": {"dataset": "ds_2", "target": "kind"},
        "training": {**TRAINING, "epochs": 10, "learning_rate": 0.01},
        "baselines": False,
        **fields,
    }
    models = {"mdl_1": work / "model.safetensors"}
    ended, moved_work, _ = attempt(folder, job, table, more={"ds_2": few}, models=models)
    assert ended["outcome"] == "succeeded", ended
    return moved_work


def test_a_linear_probe_leaves_the_trunk_as_it_was_with_all_that_its_normalisations_remember(tmp_path, source):
    work = moved(tmp_path, source, method={"name": "linear_probe"})
    before, after = (TrainedModel.load(one / "model.safetensors").tensors for one in (source[0], work))
    trunk = [name for name in before if name.startswith("trunk.")]
    assert "trunk.blocks.3.normalisation.running_var" in trunk
    assert all(np.array_equal(after[name], before[name]) for name in trunk)
    forgotten = result_of(work)["result"]["forgetting"]["tasks"]
    assert all(task["before"] == task["after"] for task in forgotten.values())


def test_fine_tuning_of_a_block_moves_it_and_what_it_remembers_and_no_other(tmp_path, source):
    work = moved(tmp_path, source, method={"name": "finetune", "parts": ["trunk.blocks.3", "head"]})
    before, after = (TrainedModel.load(one / "model.safetensors").tensors for one in (source[0], work))
    same = {name: np.array_equal(after[name], before[name]) for name in before if name.startswith("trunk.")}
    changed = sorted(name for name, equal in same.items() if not equal)
    assert changed == sorted(name for name in same if name.startswith("trunk.blocks.3."))


def test_fine_tuning_learns_the_new_words_for_the_same_pictures(tmp_path, source):
    work = moved(tmp_path, source, method={"name": "finetune"})
    answers = Predictor.load(work / "model.safetensors").predict(
        {"image": [*tables.pictures(6, seed=8)], "lamp": [0.0] * 6}
    )
    assert answers.to_json()["kind"]["labels"] == ["flat", "upright"] * 3


def test_pictures_of_another_size_do_not_fit_a_source(tmp_path, source):
    work, table = source
    few = tables.bars(tmp_path / "few.parquet", 40, side=20, lamp=[0.5, -0.5] * 20)
    job = {"kind": "transfer", "source": "mdl_1", "task": {"dataset": "ds_2", "target": "kind"}}
    models = {"mdl_1": work / "model.safetensors"}
    ended, _, _ = attempt(tmp_path, job, table, more={"ds_2": few}, models=models)
    assert ended["outcome"] == "failed"
    assert "image of 16 × 16 × 1 there, image of 20 × 20 × 1 here" in ended["error"]["message"]


def test_a_dataset_of_pictures_is_predicted_and_scored(tmp_path, source):
    work, _ = source
    fresh = tables.bars(tmp_path / "fresh.parquet", 50, seed=6, lamp=[0.25] * 50)
    models = {"mdl_1": work / "model.safetensors"}
    ended, predicted, _ = attempt(
        tmp_path, {"kind": "predict", "model": "mdl_1", "dataset": "ds_1"}, fresh, models=models
    )
    assert ended["outcome"] == "succeeded", ended
    labels = pq.read_table(predicted / "predictions.parquet")["predicted_kind"].to_pylist()
    assert np.mean(np.array(labels) == ["lies", "stands"] * 25) > 0.9
    job = {"kind": "evaluate", "models": ["mdl_1"], "dataset": "ds_1"}
    ended, scored, _ = attempt(tmp_path, job, fresh, models=models, number=2)
    assert ended["outcome"] == "succeeded", ended
    assert (scored / "result.json").exists()


def test_pictures_of_one_colour_are_told_when_the_training_rows_are_known(tmp_path):
    table = pq.read_table(two_tasks(tmp_path / "bars.parquet"))  # equal rows would all be on one side
    field = table.schema.field("image")
    cells = pa.array([bytes(256)] * table.num_rows, field.type)
    pq.write_table(table.set_column(0, field, cells), tmp_path / "bars.parquet")
    ended, _, _ = attempt(tmp_path, {**BARS, "tasks": BARS["tasks"][:1]}, tmp_path / "bars.parquet")
    assert (ended["outcome"], ended["error"]["code"]) == ("failed", "network-needs-image")
