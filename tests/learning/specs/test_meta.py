"""A meta job's body: what it may say, and where it is wrong."""

import pytest
from pydantic import TypeAdapter

from learning.errors import SpecError
from learning.registry import registry
from learning.specs import MetaJob, parse_spec, spec_json_schema

EPISODES = {"dataset": "ds_1", "target": "letter"}
TASKS = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "y"}]}


def read(body):
    return parse_spec(body)


def problems(**fields):
    with pytest.raises(SpecError) as error:
        parse_spec({"kind": "meta", **fields})
    return [(problem.code, problem.pointer) for problem in error.value.problems]


def test_everything_but_the_data_has_a_default():
    job = read({"kind": "meta", "episodes": EPISODES})
    assert type(job).__mro__[1] is MetaJob
    assert (job.episodes.ways, job.episodes.shots, job.episodes.queries) == (5, 1, 15)
    assert (job.method.name, job.network.name, job.network.dropout) == ("maml", "mlp", 0.0)
    assert (job.normalisation, job.baselines, job.seed, job.init, job.evaluation) == ("inductive", True, 0, None, ())


@pytest.mark.parametrize("name", registry().names("meta"))
def test_every_method_of_the_registry_is_taken(name):
    assert read({"kind": "meta", "episodes": EPISODES, "method": {"name": name}}).method.name == name


def test_what_was_read_can_be_written_and_read_again():
    split = {"classes": {"test": ["a"], "validation": ["b"]}}
    job = read({"kind": "meta", "tasks": TASKS, "shots": 3, "split": split, "evaluation": [{"steps": [1, 5]}]})
    assert read(job.model_dump(mode="json")) == job


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({}, "no-tasks", ""),
        ({"episodes": EPISODES, "tasks": TASKS}, "conflicting-fields", ""),
        ({"episodes": EPISODES, "shots": 3}, "conflicting-fields", ""),
        ({"episodes": EPISODES | {"ways": 1}}, "out-of-range", "/episodes/ways"),
        ({"episodes": EPISODES | {"ways": "5"}}, "wrong-type", "/episodes/ways"),
        ({"episodes": EPISODES | {"augment": ["mirror"]}}, "unknown-value", "/episodes/augment/0"),
        ({"tasks": TASKS | {"targets": [{"target": "y"}, {"target": "z"}]}}, "too-many-tasks", "/tasks/targets"),
        ({"tasks": TASKS | {"targets": []}}, "no-tasks", "/tasks/targets"),
        ({"tasks": TASKS | {"small_groups": {}}}, "extra-field", "/tasks/small_groups"),
        ({"tasks": TASKS, "training": {"epochs": 3}}, "extra-field", "/training/epochs"),
        ({"tasks": TASKS, "split": {"column": "side", "test": 0.1}}, "extra-field", "/split/test"),
        ({"tasks": TASKS, "split": {"classes": {"test": []}}}, "out-of-range", "/split/classes/test"),
        ({"tasks": TASKS, "split": {"folds": 3}}, "extra-field", "/split/folds"),
        ({"tasks": TASKS, "evaluation": [{"episodes": 1}]}, "out-of-range", "/evaluation/0/episodes"),
        ({"tasks": TASKS, "evaluation": [{"steps": [0]}]}, "out-of-range", "/evaluation/0/steps/0"),
        ({"tasks": TASKS, "method": {"name": "hard"}}, "unknown-value", "/method/name"),
        ({"tasks": TASKS, "network": {"name": "mlp", "widths": []}}, "out-of-range", "/network/widths"),
        ({"tasks": TASKS, "normalisation": "none"}, "unknown-value", "/normalisation"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(fields, code, pointer):
    assert problems(**fields) == [(code, pointer)]


def test_the_json_schema_of_a_body_knows_the_kind():
    schema = spec_json_schema()
    assert schema["discriminator"]["mapping"]["meta"].endswith("/MetaJob")
    own = schema["$defs"]["MetaJob"]["properties"]
    assert {"episodes", "tasks", "evaluation", "normalisation", "init"} <= own.keys()
    assert TypeAdapter(dict).validate_python(schema)
