"""Batch prediction: the same answers as one row at a time, for tables larger than memory."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from learning.predictor import Predictor
from tests.learning.canonical import written
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from tests.worker.training.scoring.trained import SHOPS, TWO_TARGETS, trained

PREDICT = {"kind": "predict", "model": "mdl_1", "dataset": "ds_1"}


@pytest.fixture(scope="module")
def two_targets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    dataset = tables.two_targets(folder / "two.parquet")
    return trained(folder / "model", TWO_TARGETS, dataset), dataset


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shops")
    return trained(folder / "model", SHOPS, tables.shops(folder / "shops.parquet", groups=3))


def predicted(folder, model, dataset, **more):
    ended, work, channel = attempt(folder, PREDICT, dataset, models={"mdl_1": model}, **more)
    return ended, work, channel


def test_every_row_is_answered_as_the_model_answers_it_alone(tmp_path, two_targets):
    model, dataset = two_targets
    ended, work, channel = predicted(tmp_path, model, dataset)

    assert ended == {
        "outcome": "succeeded",
        "files": {"result": "result.json", "predictions": "predictions.parquet"},
    }
    table = pq.read_table(work / "predictions.parquet")
    rows = pq.read_table(dataset)
    alone = Predictor.load(model).predict({name: rows[name].to_pylist() for name in ("x1", "x2")}).by_task
    assert table.column_names == ["row", "predicted_y", "predicted_hot", "probability_hot=no", "probability_hot=yes"]
    assert table["row"].to_pylist() == list(range(300))
    assert table["predicted_y"].to_pylist() == pytest.approx(alone["y"].to_json()["values"], abs=1e-6)
    assert table["predicted_hot"].to_pylist() == alone["hot"].to_json()["labels"]
    assert table["probability_hot=yes"].to_pylist() == pytest.approx(alone["hot"].output.tolist(), abs=1e-6)
    kinds = {field.name: field.metadata[b"type"].decode() for field in table.schema}
    assert kinds == {name: "category" if name == "predicted_hot" else "number" for name in table.column_names}
    result = result_of(work)["result"]
    assert (result["rows"], result["warnings"]) == (300, [])
    assert channel.reports[-1]["fraction"] == 1.0
    assert [environment["device"] for environment in channel.environments] == ["cpu"]


def test_what_training_did_not_see_is_counted_over_the_whole_table(tmp_path, shops):
    shop = ["s00", "new", "s01", "newer"] * 500
    cells = {f"x{i}": ("number", [0.1 * i] * 2000) for i in range(3)}
    dataset = written(tmp_path, {"shop": ("category", shop), **cells}, row_group=64).path

    ended, work, _ = predicted(tmp_path, shops, dataset)

    assert ended["outcome"] == "succeeded", ended
    (warning,) = result_of(work)["result"]["warnings"]
    assert (warning["code"], warning["rows"]) == ("unseen-group", 1000)
    assert "shop=new" in warning["detail"]
    assert pq.read_table(work / "predictions.parquet").column_names[:2] == ["row", "predicted_demand"]


def test_a_column_without_a_value_counts_as_missing_whatever_it_was_taken_for(tmp_path, two_targets):
    dataset = written(tmp_path, {"x1": ("number", [0.5, 0.1]), "x2": ("category", [None, None])}).path
    ended, work, _ = predicted(tmp_path, two_targets[0], dataset)
    assert ended["outcome"] == "succeeded", ended
    assert pq.read_table(work / "predictions.parquet").num_rows == 2


def test_a_table_that_does_not_fit_is_a_failure_of_the_user(tmp_path, two_targets):
    dataset = written(tmp_path, {"x2": ("category", ["a", "b"])}).path
    ended, _, _ = predicted(tmp_path, two_targets[0], dataset)
    assert (ended["outcome"], ended["error"]["code"], ended["error"]["category"]) == (
        "failed",
        "feature-mismatch",
        "user",
    )
    assert ended["error"]["param"] == "/dataset"
    assert "missing 'x1'" in ended["error"]["message"]
    assert "x2 (number there, category here)" in ended["error"]["message"]


@pytest.mark.parametrize(("reason", "outcome"), [("cancel", "cancelled"), ("preempt", "preempted")])
def test_an_order_to_stop_is_heard_between_stretches_and_leaves_nothing(tmp_path, two_targets, reason, outcome):
    model, dataset = two_targets
    ended, _, _ = predicted(tmp_path, model, dataset, channel=Recorder(reason=reason))
    assert ended == {"outcome": outcome}


LARGE_ROWS, WIDE = 1_500_000, [f"x{index}" for index in range(16)]
MEASURE = """
import resource, sys
from pathlib import Path
from learning.specs import parse_spec
from learning.tables import Table
from tests.worker.training.recorder import Recorder
from worker.training.scoring.predict import predict

job = parse_spec({"kind": "predict", "model": "mdl_1", "dataset": "ds_1"})
model, *datasets, folder = map(Path, sys.argv[1:])
for dataset in datasets:
    ended = predict(job, {"ds_1": Table("ds_1", dataset)}, {"mdl_1": model}, folder, Recorder())
    assert ended["outcome"] == "succeeded", ended
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_memory_does_not_grow_with_the_table(tmp_path):
    """192 MB of cells, every one of which is read, pass through a process that grows by less than a third of them."""
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    cells = pa.array([row % 97 / 97 for row in range(50_000)], pa.float64())
    schema = pa.schema([pa.field(name, pa.float64(), metadata={"type": "number"}) for name in WIDE])
    for path, groups in ((small, 2), (large, LARGE_ROWS // 50_000)):
        with pq.ParquetWriter(path, schema) as writer:
            for _ in range(groups):
                writer.write_table(pa.Table.from_arrays([cells] * len(WIDE), schema=schema))
    few = {name: [row * (index + 1) % 13 / 13 for row in range(100)] for index, name in enumerate(WIDE)}
    taught = tables.write(tmp_path / "taught.parquet", **few, y=[float(row % 7) for row in range(100)])
    spec = {**TWO_TARGETS, "tasks": [{"dataset": "ds_1", "target": "y", "type": "regression"}]}
    model, work = trained(tmp_path / "model", spec, taught), tmp_path / "work"
    work.mkdir()
    command = [sys.executable, "-c", MEASURE, *map(str, (model, small, large, work))]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    before, after = map(int, done.stdout.split())
    assert after - before < LARGE_ROWS * len(WIDE) * 8 / 3
    assert pq.ParquetFile(work / "predictions.parquet").metadata.num_rows == LARGE_ROWS
