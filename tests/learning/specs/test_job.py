"""What a job's body may say, and where the problems point."""

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.errors import SpecError
from learning.specs.job import job_type, parse_job
from learning.specs.parts import MAX_LISTED_TASKS, MAX_SEED
from learning.tasks import MAX_REPEATS

BODY: dict[str, Any] = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "a"}, {"dataset": "ds_2", "target": "b"}],
}
GROUPED = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "a"}]}


def body(path, value):
    """BODY with the value at a path such as ``training/epochs``; list indices are digits."""
    found = json.loads(json.dumps(BODY))
    *parents, last = path.split("/")
    inner = found
    for part in parents:
        inner = inner[int(part)] if part.isdigit() else inner.setdefault(part, {})
    inner[last] = value
    return found


def problems(data):
    with pytest.raises(SpecError) as caught:
        parse_job(data)
    return [(problem.pointer, problem.code) for problem in caught.value.problems]


def test_everything_but_the_data_has_a_default():
    job = parse_job(BODY)
    assert job.model_dump(mode="json") == {
        **BODY,
        "name": None, "init": None,
        "tasks": [
            {
                "name": None, "dataset": task["dataset"], "target": task["target"], "type": "auto", "loss": "auto",
                "metric": "auto", "weight": 1.0, "where": {}, "features": None, "exclude": [],
            }
            for task in BODY["tasks"]
        ],
        "network": {"name": "mlp", "widths": [128, 128], "dropout": 0.1},
        "sharing": {"name": "hard"},
        "balancing": {"name": "static"},
        "training": {
            "epochs": 100, "batch_size": 256, "optimizer": "adamw", "learning_rate": 0.001, "schedule": "constant",
            "l1": 0.0, "l2": 0.0001, "patience": 10, "class_weight": None, "sampling": "proportional", "device": "auto",
            "precision": "auto", "max_seconds": None,
        },
        "split": {"validation": 0.15, "test": 0.15},
        "repeats": 1, "baselines": True, "seed": 0, "priority": 0, "metadata": {},
    }  # fmt: skip


def test_a_job_read_from_its_own_json_is_the_same_job():
    data = {**BODY, "tasks": GROUPED, "network": {"name": "linear"}, "split": {"column": "side"}, "seed": None}
    job = parse_job(data)
    assert parse_job(job.model_dump(mode="json")) == job


def test_a_job_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        parse_job(BODY).seed = 3


@pytest.mark.parametrize(
    ("split", "fields"),
    [
        ({}, {"validation": 0.15, "test": 0.15}),
        ({"test": 0.25}, {"validation": 0.15, "test": 0.25}),
        ({"column": "side"}, {"column": "side", "validation": 0.15}),
        ({"group": "patient", "test": 0.3}, {"group": "patient", "validation": 0.15, "test": 0.3}),
    ],
)
def test_a_split_is_told_by_its_fields(split, fields):
    assert parse_job({**BODY, "split": split}).split.model_dump() == fields


@pytest.mark.parametrize(
    ("path", "value", "pointer", "code"),
    [
        # BAD_INPUT rows 52 to 58, 63 and 65
        ("kind", "transfer", "/kind", "unknown-value"),
        ("bogus", 1, "/bogus", "extra-field"),
        *[("repeats", value, "/repeats", "out-of-range") for value in (0, -1, MAX_REPEATS + 1)],
        *[("repeats", value, "/repeats", "wrong-type") for value in (None, True, 2.5, "3")],
        ("tasks/1/type", "clustering", "/tasks/1/type", "unknown-value"),
        ("tasks/1/loss", "hinge", "/tasks/1/loss", "unknown-value"),
        ("tasks/1/target", 3, "/tasks/1/target", "wrong-type"),
        ("tasks/0/wight", 3, "/tasks/0/wight", "extra-field"),
        ("tasks/0/features", "x", "/tasks/0/features", "wrong-type"),
        ("tasks/0/where", {"shop": "17"}, "/tasks/0/where/shop", "wrong-type"),
        ("tasks/0/where", {"shop": [17]}, "/tasks/0/where/shop/0", "wrong-type"),
        ("tasks/0/where", {"a/b~c": []}, "/tasks/0/where/a~1b~0c", "out-of-range"),
        ("tasks", [], "/tasks", "no-tasks"),
        ("tasks", None, "/tasks", "wrong-type"),
        ("tasks", "all", "/tasks", "wrong-type"),
        ("tasks", {**GROUPED, "targets": []}, "/tasks/targets", "no-tasks"),
        ("tasks", {**GROUPED, "group_by": "shop"}, "/tasks/group_by", "wrong-type"),
        ("tasks", {**GROUPED, "targets": [{"target": "a", "name": "n"}]}, "/tasks/targets/0/name", "extra-field"),
        ("tasks", {**GROUPED, "small_groups": {"then": "drop"}}, "/tasks/small_groups/then", "unknown-value"),
        ("tasks", {**GROUPED, "small_groups": {"min_rows": 2}}, "/tasks/small_groups/min_rows", "out-of-range"),
        *[("training/epochs", value, "/training/epochs", "out-of-range") for value in (0, -1, 10**9)],
        *[("training/epochs", value, "/training/epochs", "wrong-type") for value in (1.5, "10", True, None)],
        *[("training/learning_rate", v, "/training/learning_rate", "out-of-range") for v in (0, -1, 1e30, math.inf, math.nan)],
        ("training/learning_rate", "1e-3", "/training/learning_rate", "wrong-type"),
        ("training/batch_size", 0, "/training/batch_size", "out-of-range"),
        ("training/optimizer", "lion", "/training/optimizer", "unknown-value"),
        ("training/device", "tpu", "/training/device", "unknown-value"),
        ("training/precision", "bfloat16", "/training/precision", "unknown-value"),
        *[("training/max_seconds", value, "/training/max_seconds", "out-of-range") for value in (0, -1, 10**9)],
        ("network/name", "transformer", "/network/name", "unknown-value"),
        ("network", {"widths": [3]}, "/network/name", "missing-field"),
        ("network", "mlp", "/network", "wrong-type"),
        ("network", {"name": "mlp", "widths": []}, "/network/widths", "out-of-range"),
        ("network", {"name": "mlp", "widths": [0]}, "/network/widths/0", "out-of-range"),
        ("network", {"name": "mlp", "widths": [10**9]}, "/network/widths/0", "out-of-range"),
        ("network", {"name": "mlp", "widths": [True]}, "/network/widths/0", "wrong-type"),
        ("network", {"name": "mlp", "dropout": 1.0}, "/network/dropout", "out-of-range"),
        ("network", {"name": "mlp", "mlp": 1}, "/network/mlp", "extra-field"),
        ("network", {"name": "linear", "width": 8, "widths": [1]}, "/network/widths", "extra-field"),
        ("sharing", {"name": "unheard-of"}, "/sharing/name", "unknown-value"),
        ("balancing", {"name": "static", "x": 1}, "/balancing/x", "extra-field"),
        *[("tasks/0/weight", value, "/tasks/0/weight", "invalid-weight") for value in (0, -1, math.nan, math.inf)],
        ("tasks/0/weight", "1", "/tasks/0/weight", "wrong-type"),
        *[("tasks/0/name", name, "/tasks/0/name", "invalid-name") for name in ("../", "..", "a\nb", "", " a", "x" * 10_000, "a\u202eb")],
        ("name", "a\x00b", "/name", "invalid-name"),
        *[("seed", value, "/seed", "out-of-range") for value in (-1, MAX_SEED + 1, 2**64)],
        ("seed", True, "/seed", "wrong-type"),
        ("priority", 101, "/priority", "out-of-range"),
        ("metadata", {"a": 1}, "/metadata/a", "wrong-type"),
        ("metadata", {str(i): "" for i in range(17)}, "/metadata", "out-of-range"),
        ("split", [0.1], "/split", "wrong-type"),
        ("split", {"column": "side", "test": 0.1}, "/split/test", "extra-field"),
        ("split", {"test": 1.0}, "/split/test", "out-of-range"),
        ("split", {"validation": 0.5, "test": 0.5}, "/split", "out-of-range"),
        ("split", {"folds": 1}, "/split/folds", "out-of-range"),
        ("name", "\ud800", "/name", "wrong-type"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_one_problem_with_its_pointer(path, value, pointer, code):
    assert problems(body(path, value)) == [(pointer, code)]


def test_all_problems_are_told_at_once_in_the_order_of_the_fields():
    data = {"tasks": [{"dataset": "ds_1"}, {"dataset": "ds_2", "target": "b", "weight": -1}], "seed": "0"}
    assert problems(data) == [
        ("/kind", "missing-field"),
        ("/tasks/0/target", "missing-field"),
        ("/tasks/1/weight", "invalid-weight"),
        ("/seed", "wrong-type"),
    ]


def test_too_many_listed_tasks_are_refused():
    data = {**BODY, "tasks": [{"dataset": "ds_1", "target": str(i)} for i in range(10 * MAX_LISTED_TASKS)]}
    assert problems(data) == [("/tasks", "too-many-tasks")]


def test_an_unknown_name_answers_with_the_known_ones():
    with pytest.raises(SpecError, match="'linear', 'mlp'; found 'transformer'"):
        parse_job(body("network/name", "transformer"))


def test_what_was_found_is_cut_to_64_characters():
    with pytest.raises(SpecError) as caught:
        parse_job(body("tasks/0/type", "x" * 10_000))
    assert len(caught.value.problems[0].detail) < 200


def test_a_null_seed_and_the_largest_learning_rate_are_accepted():
    assert parse_job({**BODY, "seed": None, "training": {"learning_rate": 10}}).seed is None


def test_names_are_kept_in_one_normal_form():
    twins = ["Cafe\u0301", "Café"]
    data = {**BODY, "tasks": [{"dataset": "ds_1", "target": "a", "name": name} for name in twins]}
    assert {task["name"] for task in parse_job(data).model_dump()["tasks"]} == {"Café"}


def test_the_json_schema_names_every_method_and_both_forms_of_tasks():
    schema = job_type().model_json_schema()
    assert set(schema["required"]) == {"kind", "tasks"}
    assert schema["properties"]["network"]["discriminator"]["mapping"].keys() == {"conv4", "linear", "mlp"}
    assert len(schema["properties"]["tasks"]["oneOf"]) == 2
    assert {"Hard", "Static", "Mlp", "TaskSpec", "GroupedTasks"} <= schema["$defs"].keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(job_type().model_fields)), JSON)
def test_no_value_of_any_field_breaks_the_reader(field, value):
    assert all(pointer.startswith(f"/{field}") for pointer in found_in({**BODY, field: value}))


def found_in(data):
    try:
        parse_job(data)
    except SpecError as error:
        return [problem.pointer for problem in error.problems]
    return []


@pytest.mark.parametrize("path", ["name", "tasks/0/name"])
@pytest.mark.parametrize(
    "name", ["\U0001f469\u200d\U0001f52c", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"]
)
def test_a_name_may_be_written_with_joiners(path, name):
    job = parse_job(body(path, name)).model_dump()
    assert name in (job["name"], job["tasks"][0]["name"])


PYTHON_WORDS = re.compile(r"\b(dict|dictionary|mapping|tuple|None|NoneType|int|str|bool|True|False|instance)\b")


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}, [[]]], ids=json.dumps)
def test_what_is_expected_and_found_is_said_in_words_of_json(value):
    places = ("name", "tasks", "tasks/0/where", "tasks/0/features", "network", "network/name", "sharing", "balancing",
              "training", "training/epochs", "training/class_weight", "training/patience", "split", "split/test", "baselines",
              "seed", "metadata")  # fmt: skip
    details = []
    for path in places:
        try:
            parse_job(body(path, [value] if path == "tasks" else value))
        except SpecError as error:
            details += [problem.detail for problem in error.problems]

    assert details
    assert [detail for detail in details if PYTHON_WORDS.search(detail)] == []
