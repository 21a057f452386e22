"""A job that adapts: a stored model and a dataset in, a whole child out; and models that are stored as what they add."""

import numpy as np
import pytest

from learning.adapting import Request, Sample, adapter_of
from learning.header import ModelHeader
from learning.model import TrainedModel, load_model, read_header
from learning.predictor import Predictor
from tests.learning.canonical import written
from tests.learning.toys import json_columns, listed_header, table, trained
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.whole import whole_files

SPEC = {"kind": "adapt", "model": "mdl_1", "support": "ds_1", "target": "rent", "name": "rents"}
OWN = ("age", "member", "joined", "region")
ROWS = 300


def one_set() -> ModelHeader:
    """A model of one task, so that every support must bring the same features."""
    header = listed_header()
    return header.model_copy(
        update={"outputs": header.outputs[:1], "feature_sets": header.feature_sets[:1], "tasks": header.tasks[:1]}
    )


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "base.safetensors"
    trained(one_set()).save(path)
    return path


@pytest.fixture
def support(tmp_path):
    rows = table(ROWS, missing=False)
    kinds = {"age": "number", "member": "boolean", "joined": "date", "region": "category"}
    columns = {name: (kind, rows[name].to_pylist()) for name, kind in kinds.items()}
    rent = [3.0 * age + 100.0 * member for age, member in zip(columns["age"][1], columns["member"][1], strict=True)]
    return written(tmp_path, {**columns, "rent": ("number", rent), "price": ("number", rent)}).path


def test_a_support_too_large_for_a_request_makes_a_child_that_answers(tmp_path, model, support):
    before = model.read_bytes()
    ended, work, _ = attempt(tmp_path, SPEC, support, models={"mdl_1": model})

    assert ended == {"outcome": "succeeded", "files": {"model": "model.safetensors", "result": "result.json"}}
    told = result_of(work)
    assert told["result"]["rows"] == ROWS
    assert told["result"]["check"]["support_leave_one_out"] < told["result"]["check"]["before"]
    assert told["result"]["check"]["worth_it"] is True
    assert [(task["name"], task["type"], task["metric"]) for task in told["tasks"]] == [("rent", "regression", "rmse")]
    assert (told["model"]["kind"], told["model"]["adaptable"]) == ("adapt", True)
    child = Predictor.load(work / "model.safetensors")
    answers = child.predict({name: json_columns(table(5))[name] for name in OWN}).by_task
    assert answers.keys() == {"rent"}
    assert model.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"target": "wages"}, "target-not-found", "/target"),
        ({"targets": ["rent", "wages"], "target": None}, "target-not-found", "/targets/1"),
        ({"task_key": {"shop": "s1"}}, "not-grouped", "/task_key"),
    ],
)
def test_what_does_not_suit_the_model_ends_the_job_with_its_place(tmp_path, model, support, change, code, param):
    ended, _, _ = attempt(tmp_path, SPEC | change, support, models={"mdl_1": model})
    assert (ended["outcome"], ended["error"]["code"], ended["error"]["param"]) == ("failed", code, param)
    assert ended["error"]["category"] == "user"


def test_the_models_own_target_needs_no_name(tmp_path, model, support):
    ended, work, _ = attempt(tmp_path, SPEC | {"target": None}, support, models={"mdl_1": model})
    assert ended["outcome"] == "succeeded"
    assert [task["name"] for task in result_of(work)["tasks"]] == ["price"]


def test_a_cancel_leaves_no_child(tmp_path, model, support):
    channel = Recorder(reason="cancel")
    ended, work, _ = attempt(tmp_path, SPEC, support, models={"mdl_1": model}, channel=channel)
    assert ended["outcome"] == "cancelled"
    assert list(work.iterdir()) == []


def test_a_model_that_adds_to_a_base_is_made_whole_for_the_attempt(tmp_path, model):
    base = load_model(model)
    columns = {name: json_columns(table(30, missing=False))[name] for name in OWN}
    labelled = Sample(support={**columns, "rent": np.arange(30.0).tolist()}, query=columns, style="columns")
    learned = adapter_of(base).adapt(Request(targets=("rent",)), [labelled])[0]
    learned.delta.save(tmp_path / "delta.safetensors")

    files = whole_files(
        {"mdl_1": str(model), "mdl_2": str(tmp_path / "delta.safetensors")}, {"mdl_2": str(model)}, tmp_path
    )

    assert files["mdl_1"] == model
    assert isinstance(read_header(files["mdl_2"]), ModelHeader)
    assert learned.predictions is not None
    answers = Predictor(TrainedModel.load(files["mdl_2"])).predict(columns).by_task["rent"]
    np.testing.assert_allclose(answers.output, learned.predictions.by_task["rent"].output, rtol=1e-5)
