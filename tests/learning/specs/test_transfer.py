"""Reading a transfer job from JSON."""

import pytest

from learning.errors import SpecError
from learning.specs import TransferJob, parse_spec

BODY = {"kind": "transfer", "source": "mdl_1", "task": {"dataset": "ds_1", "target": "y"}}


def problems(**fields):
    with pytest.raises(SpecError) as refused:
        parse_spec({**BODY, **fields})
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def test_fine_tuning_is_the_default():
    job = parse_spec(BODY)
    assert isinstance(job, TransferJob)
    assert job.method.model_dump() == {"name": "finetune", "parts": None}
    assert job.model_dump(mode="json")["task"]["target"] == "y"


def test_a_method_is_told_by_its_name():
    job = parse_spec({**BODY, "method": {"name": "l2_sp", "alpha": 1.0}})
    assert isinstance(job, TransferJob)
    assert job.method.model_dump() == {"name": "l2_sp", "alpha": 1.0, "beta": 0.01}


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"method": {"name": "magic"}}, "/method/name", "unknown-value"),
        ({"method": {"name": "l2_sp", "alpha": -1.0}}, "/method/alpha", "out-of-range"),
        ({"method": {"name": "l2_sp", "parts": []}}, "/method/parts", "extra-field"),
        ({"method": {"name": "finetune", "parts": "head"}}, "/method/parts", "wrong-type"),
        ({"task": [{"dataset": "ds_1", "target": "y"}]}, "/task", "wrong-type"),
        ({"network": {"name": "mlp"}}, "/network", "extra-field"),
        ({"split": {"test": 2.0}}, "/split/test", "out-of-range"),
        ({"source": None}, "/source", "wrong-type"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(fields, pointer, code):
    assert problems(**fields) == [(pointer, code)]


def test_a_source_is_needed():
    body = {name: value for name, value in BODY.items() if name != "source"}
    with pytest.raises(SpecError) as refused:
        parse_spec(body)
    assert [(p.pointer, p.code) for p in refused.value.problems] == [("/source", "missing-field")]
