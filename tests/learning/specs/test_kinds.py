"""A job's body is of one of several kinds."""

import pytest

from learning.errors import SpecError
from learning.specs import MultitaskJob, parse_spec, spec_json_schema
from learning.specs.kinds import KINDS

TASKS = [{"dataset": "ds_1", "target": "a"}]


def problems(data):
    with pytest.raises(SpecError) as caught:
        parse_spec(data)
    return [(problem.pointer, problem.code, problem.detail) for problem in caught.value.problems]


def test_the_kind_decides_what_the_body_is():
    assert isinstance(parse_spec({"kind": "multitask", "tasks": TASKS}), MultitaskJob)


@pytest.mark.parametrize("kind", ["magic", "", None, 1, ["multitask"], {}], ids=repr)
def test_an_unknown_kind_is_answered_by_the_known_ones(kind):
    ((pointer, code, detail),) = problems({"kind": kind, "tasks": TASKS})
    assert (pointer, code) == ("/kind", "unknown-value")
    assert all(repr(known) in detail for known in KINDS)


def test_a_body_without_a_kind_misses_it():
    assert [found[:2] for found in problems({"tasks": TASKS})] == [("/kind", "missing-field")]


def test_pointers_name_no_kind():
    body = {"kind": "multitask", "tasks": TASKS, "training": {"epochs": 0}}
    assert [found[:2] for found in problems(body)] == [("/training/epochs", "out-of-range")]


def test_the_schema_tells_the_kinds_apart_by_their_field():
    schema = spec_json_schema()
    mapping = schema["discriminator"]["mapping"]
    assert mapping.keys() == KINDS.keys()
    assert [one["$ref"] for one in schema["oneOf"]] == list(mapping.values())
    for kind, reference in mapping.items():
        definition = schema["$defs"][reference.rpartition("/")[2]]
        assert definition["properties"]["kind"]["const"] == kind
