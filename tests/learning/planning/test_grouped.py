"""One task per group and target: small groups are never fatal, and every row has one head."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.examples import build
from learning.planning import plan
from learning.planning.split import TEST
from tests.learning.canonical import job, written

#: shop → rows; 17 is a number in the table and a text in a key
SHOPS = {16.0: 40, 17.0: 30, 18.0: 25, 19.0: 8, 20.0: 7, 21.0: 9}


def table(shops=SHOPS):
    shop = [shop for shop, rows in shops.items() for _ in range(rows)]
    n = len(shop)
    return {
        "shop": ("number", shop),
        "x": ("number", [float(i) for i in range(n)]),
        "demand": ("number", [float(i * 7 % 13) for i in range(n)]),
        "out": ("boolean", [i % 4 == 0 for i in range(n)]),
    }


def grouped(**fields):
    return {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "out"}], **fields}


@pytest.fixture
def planned(tmp_path):
    def run(columns=None, *, split=None, **fields):
        tables = {"ds_1": written(tmp_path, columns or table())}
        result = plan(job(grouped(**fields), split=split or {}), tables)
        return result, tables

    return run


def where_each(result):
    return {task.name: (task.group, task.slot, task.pooled) for task in result.tasks}


def found(result):
    return [(problem.pointer, problem.code) for problem in result.problems]


def test_every_group_and_target_is_a_task_and_small_groups_share_one_more_head(planned):
    result, _ = planned()
    assert where_each(result) == {
        "shop=16/demand": (0, 0, False), "shop=16/out": (0, 1, False),
        "shop=17/demand": (1, 0, False), "shop=17/out": (1, 1, False),
        "shop=18/demand": (2, 0, False), "shop=18/out": (2, 1, False),
        "shop=19/demand": (3, 0, True), "shop=19/out": (3, 1, True),
        "shop=20/demand": (3, 0, True), "shop=20/out": (3, 1, True),
        "shop=21/demand": (3, 0, True), "shop=21/out": (3, 1, True),
    }  # fmt: skip
    assert result.layout.groups == 4
    assert result.tasks[0].key == {"shop": "16"}
    assert result.tasks[0].features == ("x",)
    notices = {notice.code: notice.detail for notice in result.notices}
    assert "3 of 6 groups" in notices["small-groups"]


def test_small_groups_too_few_even_together_are_answered_by_the_mean_head_and_not_trained(planned):
    result, tables = planned(table({16.0: 40, 17.0: 30, 18.0: 9, 19.0: 8}))
    assert result.layout.groups == 2
    assert {task.group for task in result.tasks if task.pooled} == {-1}
    examples = build(result, tables)
    assert set(examples.split[examples.group == -1]) == {TEST}


def test_small_groups_are_left_out_when_asked(planned):
    result, tables = planned(small_groups={"then": "skip"})
    assert {task.key["shop"] for task in result.tasks} == {"16", "17", "18"}
    assert len(build(result, tables).row) == 95


def test_small_groups_are_a_problem_when_asked(planned):
    result, _ = planned(small_groups={"then": "error"})
    assert found(result) == [("/tasks/small_groups/then", "task-too-small")]
    assert "'shop=19'" in result.problems[0].detail


def test_a_target_that_never_varies_in_a_group_is_pooled_and_the_groups_other_target_is_not(planned):
    columns = table()
    columns["out"] = ("boolean", [True] * 40 + columns["out"][1][40:])
    result, tables = planned(columns)
    places = where_each(result)
    assert places["shop=16/demand"] == (0, 0, False)
    assert places["shop=16/out"] == (-1, 1, True)
    examples = build(result, tables)
    mine = examples.group == 0
    labelled = ~np.isnan(examples.labels[mine, 1])
    assert labelled.any()
    assert set(examples.split[mine][labelled]) == {TEST}


def test_rows_without_a_group_belong_to_no_task_and_are_counted(planned):
    columns = table()
    columns["shop"] = ("number", [None, float("nan"), *columns["shop"][1][2:]])
    result, tables = planned(columns)
    assert "2 rows have no 'shop'" in {notice.code: notice.detail for notice in result.notices}["missing-group"]
    assert len(build(result, tables).row) == sum(SHOPS.values()) - 2


def test_groups_of_two_columns_are_named_by_both_with_slashes_escaped(planned):
    columns = table({16.0: 40, 17.0: 40})
    columns["site"] = ("category", (["a/b", "c=d"] * 40))
    result, _ = planned(columns, group_by=["shop", "site"])
    assert {task.name for task in result.tasks if task.target == "out"} == {
        "shop=16/site=a%2Fb/out", "shop=16/site=c%3Dd/out", "shop=17/site=a%2Fb/out", "shop=17/site=c%3Dd/out",
    }  # fmt: skip


def test_every_group_large_enough_is_tested_on(planned):
    result, tables = planned()
    examples = build(result, tables)
    for index, task in enumerate(result.tasks):
        sides = examples.split[(examples.task_of == index).any(axis=1)]
        assert set(sides.tolist()) == {0, 1, 2}, task.name


@pytest.mark.parametrize(
    ("fields", "changed", "pointer", "code"),
    [
        ({"dataset": "ds_9"}, {}, "/tasks/dataset", "dataset-not-found"),
        ({"group_by": ["nope"]}, {}, "/tasks/group_by/0", "unknown-column"),
        ({"group_by": ["shop", "shop"]}, {}, "/tasks/group_by/1", "duplicate-column"),
        ({"targets": [{"target": "nope"}]}, {}, "/tasks/targets/0/target", "target-not-found"),
        ({"targets": [{"target": "out"}, {"target": "out"}]}, {}, "/tasks/targets/1/target", "duplicate-task"),
        ({"targets": [{"target": "out"}, {"target": "shop"}]}, {}, "/tasks/targets/1/target", "reserved-column"),
        ({"features": ["shop"]}, {}, "/tasks/features/0", "reserved-column"),
        ({"features": ["x", "out"]}, {}, "/tasks/features/1", "target-is-feature"),
        ({"where": {"nope": ["1"]}}, {}, "/tasks/where/nope", "unknown-column"),
        ({"where": {"x": ["-1"]}}, {}, "/tasks/where", "too-few-rows"),
        ({}, {"out": ("boolean", [True] * 119)}, "/tasks/targets/1/target", "single-class-target"),
        ({}, {"demand": ("number", [3.0] * 119)}, "/tasks/targets/0/target", "constant-target"),
        ({}, {"out": ("boolean", [None] * 119)}, "/tasks/targets/1/target", "no-labels"),
        ({"small_groups": {"min_rows": 1000}}, {}, "/tasks/targets/0/target", "task-too-small"),
    ],
)
def test_what_no_group_can_mend_is_a_problem_with_its_pointer(planned, fields, changed, pointer, code):
    result, _ = planned({**table(), **changed}, **fields)
    assert found(result)[0] == (pointer, code)
    assert {code for _, code in found(result)} == {code}


def test_more_groups_than_the_limit_are_refused(planned):
    n = 6000
    columns = {"shop": ("category", [f"s{i}" for i in range(n)]), "x": ("number", [0.5] * n)}
    columns |= {"demand": ("number", list(range(n))), "out": ("boolean", [True, False] * (n // 2))}
    result, _ = planned(columns)
    assert found(result) == [("/tasks/group_by", "too-many-tasks")]
    assert "6000 groups × 2 targets" in result.problems[0].detail


def by_site(site: str, **more: str):
    """Two groups of 60 rows; columns beside ``site`` hold one value each."""
    columns = {"site": ("category", [site, "b"] * 60), "x": ("number", [float(i) for i in range(120)])}
    columns |= {name: ("category", [value] * 120) for name, value in more.items()}
    return {**columns, "demand": ("number", [float(i * 7 % 13) for i in range(120)]), "out": ("boolean", [True] * 120)}


def test_a_column_of_texts_names_no_groups(planned):
    result, _ = planned(by_site("\u00e9" * 101), group_by=["site"], targets=[{"target": "demand"}])
    assert found(result) == [("/tasks/group_by/0", "group-value-too-long")]
    assert "200 bytes" in result.problems[0].detail
    assert found(planned(by_site("\u00e9" * 100), group_by=["site"], targets=[{"target": "demand"}])[0]) == []


def test_a_task_whose_name_no_result_can_be_found_by_is_refused(planned):
    parts = {f"part{i}": "/" * 200 for i in range(2)}
    result, _ = planned(by_site("a", **parts), group_by=["site", *parts], targets=[{"target": "demand"}])
    assert found(result) == [("/tasks/group_by", "task-name-too-long")]
    assert "1000 bytes" in result.problems[0].detail


SIZES = st.lists(st.integers(1, 30), min_size=2, max_size=8)


@settings(max_examples=30, deadline=None)
@given(SIZES, st.sampled_from(["pool", "skip"]), st.integers(0, 5), st.integers(2, 6))
def test_every_label_teaches_the_task_of_its_group_and_no_two_kept_tasks_share_a_head(
    tmp_path_factory, sizes, then, seed, gap
):
    columns = table({float(shop): rows for shop, rows in enumerate([40, *sizes])})
    demand = [None if i % gap == 0 else value for i, value in enumerate(columns["demand"][1])]
    tables = {"ds_1": written(tmp_path_factory.mktemp("groups"), {**columns, "demand": ("number", demand)})}
    result = plan(job(grouped(small_groups={"min_rows": 10, "then": then}), seed=seed), tables)
    assert result.problems == ()
    examples = build(result, tables)
    own = [(task.group, task.slot) for task in result.tasks if not task.pooled]
    assert len(set(own)) == len(own)
    assert all(-1 <= task.group < result.layout.groups for task in result.tasks)
    assert np.array_equal(examples.task_of >= 0, ~np.isnan(examples.labels))
    for index, slot in zip(*np.nonzero(examples.task_of >= 0), strict=True):
        task, row = result.tasks[examples.task_of[index, slot]], examples.row[index]
        assert task.slot == slot
        assert task.key == {"shop": str(int(columns["shop"][1][row]))}
        assert examples.labels[index, slot] == (demand[row] if task.target == "demand" else columns["out"][1][row])
        assert task.group == examples.group[index] or (task.group == -1 and examples.split[index] == TEST)
