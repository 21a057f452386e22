"""The whole plan: complete, repeatable, of a size that a worker can hold."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.examples import build
from learning.planning import plan
from learning.specs.job import parse_job
from tests.learning.canonical import Columns, job, written

N = 50
COLUMNS: Columns = {
    "x": ("number", [float(i) for i in range(N)]),
    "shop": ("category", [f"s{i % 2}" for i in range(N)]),
    "patient": ("category", [f"p{i % 9}" for i in range(N)]),
    "y": ("number", [float(i * 3 % 11) for i in range(N)]),
    "label": ("category", [("a", "b", "c")[i % 3] for i in range(N)]),
}
LISTED = [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "label", "where": {"shop": ["s0"]}}]
BY_TIME = {"time": {"column": "x", "test_from": 35}}
GROUPED = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "y"}, {"target": "label"}]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return {"ds_1": written(tmp_path_factory.mktemp("planner"), COLUMNS)}


@settings(max_examples=20, deadline=None)
@given(
    tasks=st.sampled_from([LISTED, GROUPED]),
    split=st.sampled_from([{}, {"group": "patient"}, {"validation": 0.3, "test": 0.2}, {"blocks": 4}, BY_TIME]),
    seed=st.none() | st.integers(0, 2**32 - 1),
    batch=st.sampled_from([1, 256]),
)
def test_the_resolved_spec_read_again_gives_the_same_plan_and_the_same_rows(tables, tasks, split, seed, batch):
    first = plan(job(tasks, split=split, seed=seed, training={"batch_size": batch}), tables)
    again = plan(parse_job(first.spec.model_dump(mode="json")), tables)
    assert first.problems == again.problems == ()
    assert (again.spec, again.tasks, again.layout, again.sources) == (
        first.spec,
        first.tasks,
        first.layout,
        first.sources,
    )
    assert build(first, tables).split.tolist() == build(again, tables).split.tolist()


def test_a_null_seed_is_drawn_once_and_recorded(tables):
    result = plan(job(LISTED, seed=None), tables, draw=lambda: 77)
    assert result.spec.seed == 77


def test_a_batch_larger_than_the_rows_is_clamped_and_told_only_when_it_was_asked_for(tables):
    asked = plan(job(LISTED[:1], training={"batch_size": 10_000}), tables)
    default = plan(job(LISTED[:1]), tables)
    assert asked.spec.training.batch_size == default.spec.training.batch_size == N
    assert [(notice.code, notice.pointer) for notice in asked.notices] == [
        ("batch-size-clamped", "/training/batch_size")
    ]
    assert default.notices == ()


def test_a_model_that_no_worker_could_hold_is_refused_with_the_estimate(tables):
    result = plan(job(LISTED, network={"name": "mlp", "widths": [4096] * 8}), tables)
    assert [(problem.pointer, problem.code) for problem in result.problems] == [("/network", "model-too-large")]
    assert "100,000,000" in result.problems[0].detail


@pytest.mark.parametrize(("device", "codes"), [("cuda", ["device-unavailable"]), ("cpu", []), ("auto", [])])
def test_a_device_that_is_not_there_is_a_problem_where_the_devices_are_known(tables, device, codes):
    result = plan(job(LISTED, training={"device": device}), tables, devices={"cpu"})
    assert [problem.code for problem in result.problems] == codes


def test_a_plan_with_problems_names_no_tasks(tables):
    result = plan(job([{"dataset": "ds_1", "target": "nope"}]), tables)
    assert (result.tasks, result.layout.groups, result.sources) == ((), 0, ())


def test_a_target_among_the_features_of_a_grouped_job_is_told_once(tmp_path):
    table = written(tmp_path, {**COLUMNS, "again": COLUMNS["y"]})
    result = plan(job(GROUPED), {"ds_1": table})
    assert [(notice.code, notice.pointer) for notice in result.notices] == [
        ("duplicate-of-target", "/tasks/targets/0/target")
    ]


ODD: Columns = {
    **COLUMNS,
    "empty": ("category", [None] * N),
    "once": ("number", [1.0] + [None] * (N - 1)),
    "bit": ("boolean", [None if i % 7 == 0 else i % 2 == 0 for i in range(N)]),
    "note": ("text", [f"n{i}" for i in range(N)]),
    "day": ("date", [None if i % 5 == 0 else i for i in range(N)]),
    "side": ("category", [("train", "train", "test")[i % 3] for i in range(N)]),
}
NAMES = st.sampled_from([*ODD, "nope"])
TARGET = st.fixed_dictionaries(
    {"target": st.sampled_from(["y", "label", "x"]) | NAMES},
    optional={"type": st.sampled_from(["auto", "regression", "binary", "multiclass"]), "metric": st.just("accuracy")},
)
WHERE = st.dictionaries(NAMES, st.lists(st.sampled_from(["s0", "1", "true", "p3"]), min_size=1, max_size=3), max_size=2)
INPUTS = st.fixed_dictionaries(
    {"dataset": st.sampled_from(["ds_1", "ds_1", "ds_2"])},
    optional={
        "where": WHERE,
        "features": st.none() | st.lists(NAMES, max_size=4),
        "exclude": st.lists(NAMES, max_size=2),
    },
)
ANY_TASK = st.builds(lambda target, inputs: {**target, **inputs}, TARGET, INPUTS)
ANY_GROUPS = st.builds(
    lambda inputs, group_by, targets, then: {
        **inputs,
        "group_by": group_by,
        "targets": targets,
        "small_groups": {"min_rows": 3, "then": then},
    },
    INPUTS,
    st.sampled_from([["shop"], ["patient"], ["bit", "shop"]]) | st.lists(NAMES, min_size=1, max_size=3),
    st.lists(TARGET, min_size=1, max_size=3),
    st.sampled_from(["pool", "skip", "error"]),
)
BORDERS = st.integers(-5, 60) | st.sampled_from(["1970-01-01", "1970-01-01T00:00:00.000020", "2026-01-01"])
ANY_SPLIT: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.builds(lambda form, name: {form: name}, st.sampled_from(["column", "group"]), NAMES)
    | st.builds(lambda name, border: {"time": {"column": name, "test_from": border}}, NAMES, BORDERS)
    | st.builds(lambda size: {"blocks": size}, st.integers(1, 60))
)


@settings(max_examples=150, deadline=None)
@given(tasks=st.lists(ANY_TASK, min_size=1, max_size=4) | ANY_GROUPS, split=ANY_SPLIT)
def test_any_job_is_either_planned_and_can_be_built_or_says_what_is_wrong_and_where(odd_tables, tasks, split):
    result = plan(job(tasks, split=split), odd_tables)
    if result.problems:
        assert all(problem.pointer.startswith(("/tasks", "/split")) and problem.detail for problem in result.problems)
        return
    examples = build(result, odd_tables)
    assert set(examples.split.tolist()) == {0, 1, 2}
    assert len(examples.features) == len(examples.row)
    assert plan(result.spec, odd_tables).tasks == result.tasks


@pytest.fixture(scope="module")
def odd_tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    return {"ds_1": written(folder, ODD), "ds_2": written(folder, COLUMNS, name="ds_2")}
