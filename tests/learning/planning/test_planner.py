"""The whole plan: complete, repeatable, of a size that a worker can hold."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.examples import build
from learning.planning import plan
from learning.specs import parse_job
from tests.learning.canonical import job, written

N = 50
COLUMNS = {
    "x": ("number", [float(i) for i in range(N)]),
    "shop": ("category", [f"s{i % 2}" for i in range(N)]),
    "patient": ("category", [f"p{i % 9}" for i in range(N)]),
    "y": ("number", [float(i * 3 % 11) for i in range(N)]),
    "label": ("category", [("a", "b", "c")[i % 3] for i in range(N)]),
}
LISTED = [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "label", "where": {"shop": ["s0"]}}]
GROUPED = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "y"}, {"target": "label"}]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return {"ds_1": written(tmp_path_factory.mktemp("planner"), COLUMNS)}


@settings(max_examples=20, deadline=None)
@given(
    tasks=st.sampled_from([LISTED, GROUPED]),
    split=st.sampled_from([{}, {"group": "patient"}, {"validation": 0.3, "test": 0.2}]),
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
