"""Jobs that ask stored models."""

import pytest

from learning.errors import SpecError
from learning.specs import EvaluateJob, PredictJob, parse_spec

PREDICT = {"kind": "predict", "model": "mdl_1", "dataset": "ds_1"}


EVALUATE = {"kind": "evaluate", "models": ["mdl_1", "mdl_2"], "dataset": "ds_1"}


def problems(data):
    with pytest.raises(SpecError) as caught:
        parse_spec(data)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_a_prediction_needs_a_model_and_a_dataset_only():
    job = parse_spec(PREDICT)
    assert isinstance(job, PredictJob)
    assert job.model_dump(mode="json") == {**PREDICT, "name": None, "priority": 0, "metadata": {}}
    assert parse_spec(job.model_dump(mode="json")) == job


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"model": 3}, ("/model", "wrong-type")),
        ({"model": ""}, ("/model", "out-of-range")),
        ({"model": "\ud800"}, ("/model", "wrong-type")),
        ({"dataset": None}, ("/dataset", "wrong-type")),
        ({"training": {"epochs": 3}}, ("/training", "extra-field")),
        ({"seed": 1}, ("/seed", "extra-field")),
        ({"priority": 1000}, ("/priority", "out-of-range")),
        ({"metadata": {"a": 1}}, ("/metadata/a", "wrong-type")),
    ],
)
def test_what_it_cannot_mean_is_said_where_it_stands(change, problem):
    assert problems({**PREDICT, **change}) == [problem]


def test_what_is_missing_is_named():
    assert problems({"kind": "predict"}) == [("/dataset", "missing-field"), ("/model", "missing-field")]


def test_an_evaluation_keeps_its_models_in_order():
    job = parse_spec(EVALUATE)
    assert isinstance(job, EvaluateJob)
    assert job.models == ("mdl_1", "mdl_2")
    assert parse_spec(job.model_dump(mode="json")) == job


@pytest.mark.parametrize(
    ("models", "problem"),
    [
        ([], ("/models", "out-of-range")),
        (["mdl_1"] * 11, ("/models", "out-of-range")),
        ("mdl_1", ("/models", "wrong-type")),
        (["mdl_1", 2], ("/models/1", "wrong-type")),
    ],
)
def test_its_models_are_one_to_ten_ids(models, problem):
    assert problems({**EVALUATE, "models": models}) == [problem]
