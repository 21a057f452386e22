"""What a meta job means for its table: sides of whole tasks, protocols that the test side can fill, notices."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.encoding import fit
from learning.episodes import plan_meta
from learning.header import input_of
from learning.meta_header import MetaHeader
from learning.specs import parse_spec
from learning.tables import Table
from tests.worker.training import tables

LETTERS = "abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    """Twenty letters of eight rows, with a side for every row that is one for a letter; ``t`` has two rows only."""
    rows = [(letter, j) for letter in LETTERS for j in range(2 if letter == "t" else 8)]
    sides = {letter: ("train", "train", "validation", "test")[i % 4] for i, letter in enumerate(LETTERS)}
    columns = {
        "letter": [letter for letter, _ in rows],
        "x": [float(ord(letter) + j / 10) for letter, j in rows],
        "side": [sides[letter] for letter, _ in rows],
        "torn": ["test" if (letter, j) == ("a", 0) else sides[letter] for letter, j in rows],
        "no_validation": ["test" if sides[letter] == "test" else "train" for letter, _ in rows],
    }
    path = tables.write(tmp_path_factory.mktemp("t") / "letters.parquet", **columns)
    return {"ds_1": Table("ds_1", path)}


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """Thirty shops of ten rows, the last with three; a number, a class that some shops lack, a constant."""
    rows = [(shop, j) for shop in range(30) for j in range(3 if shop == 29 else 10)]
    columns = {
        "shop": [f"s{shop:02}" for shop, _ in rows],
        "x": [float(shop * j % 7) for shop, j in rows],
        "y": [float(shop + j) for shop, j in rows],
        "hot": ["yes" if j % 2 and shop != 3 else "no" for shop, j in rows],
        "constant": [1.5 for _ in rows],
    }
    path = tables.write(tmp_path_factory.mktemp("t") / "shops.parquet", **columns)
    return {"ds_1": Table("ds_1", path)}


def read(body):
    return parse_spec(body)


def episodes(**fields):
    inside = {"dataset", "target", "ways", "shots", "queries", "where", "features", "exclude"}
    own = {"dataset": "ds_1", "target": "letter", "ways": 3, "queries": 2, "features": ["x"]}
    own |= {name: value for name, value in fields.items() if name in inside}
    others = {name: value for name, value in fields.items() if name not in inside}
    split = {"validation": 0.2, "test": 0.2}
    return read({"kind": "meta", "episodes": own, "method": {"name": "protonet"}, "split": split, **others})


def tasks(target="y", **fields):
    own = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": target}], "features": ["x"]}
    return read({"kind": "meta", "tasks": own, "shots": 4, **fields})


def planned(spec, *args, **options):
    return plan_meta(spec, *args, **options)


def problems(plan):
    return [(problem.code, problem.pointer) for problem in plan.problems]


def names(plan, pool):
    return {plan.units.names[unit] for unit in pool.units}


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), validation=st.floats(0.15, 0.35), test=st.floats(0.15, 0.35))
def test_no_class_is_on_two_sides_and_every_row_of_one_is_its_own(letters, seed, validation, test):
    plan = planned(episodes(seed=seed, ways=2, split={"validation": validation, "test": test}), letters)
    assert not plan.problems
    pools = [plan.train, plan.validation, plan.tests[0]]
    kept = [names(plan, pool) for pool in pools]
    assert sum(map(len, kept)) == len(set.union(*kept)) == 19
    column = np.array(letters["ds_1"].read(["letter"]).column(0))
    rows = [
        {int(row) for start, count in zip(p.starts, p.counts, strict=True) for row in p.rows[start : start + count]}
        for p in pools
    ]
    assert not rows[0] & rows[1]
    assert not rows[0] & rows[2]
    assert not rows[1] & rows[2]
    assert [set(column[list(own)]) for own in rows] == kept


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_no_task_is_on_two_sides(shops, seed):
    plan = planned(tasks(seed=seed), shops)
    kept = [names(plan, pool) for pool in (plan.train, plan.validation, plan.tests[0])]
    assert sum(map(len, kept)) == len(set.union(*kept)) == 29
    assert all(kept)


def test_the_same_seed_divides_alike_and_another_otherwise(letters):
    def test_side(seed):
        plan = planned(episodes(seed=seed), letters)
        return names(plan, plan.tests[0])

    assert test_side(1) == test_side(1)
    assert any(test_side(1) != test_side(seed) for seed in (2, 3, 4))


def test_a_seed_that_nobody_chose_is_drawn_and_recorded(letters):
    plan = planned(episodes(seed=None), letters, draw=lambda: 77)
    assert plan.spec.seed == 77


def test_a_column_divides_whole_classes(letters):
    plan = planned(episodes(split={"column": "side"}), letters)
    assert not plan.problems
    assert names(plan, plan.tests[0]) == set("dhlp")  # t is too small
    assert names(plan, plan.validation) == set("cgkos")
    torn = planned(episodes(split={"column": "torn"}), letters)
    assert problems(torn)[0] == ("task-split-overlap", "/split/column")
    assert "'a'" in torn.problems[0].detail


def test_without_a_validation_side_it_is_cut_from_training(letters):
    plan = planned(episodes(split={"column": "no_validation", "validation": 0.3}), letters)
    assert not plan.problems
    assert names(plan, plan.tests[0]) == set("dhlp")
    assert len(plan.validation) == 4  # 0.3 of fifteen, as a share of whole classes
    assert not names(plan, plan.validation) & set("dhlp")


def test_classes_are_divided_by_name(letters):
    plan = planned(episodes(split={"classes": {"test": ["a", "b", "c"], "validation": ["d", "e", "f"]}}), letters)
    assert (names(plan, plan.tests[0]), names(plan, plan.validation)) == (set("abc"), set("def"))
    cut = planned(episodes(split={"classes": {"test": ["a", "b", "c"]}, "validation": 0.3}), letters)
    assert names(cut, cut.tests[0]) == set("abc")
    assert len(cut.validation) >= 3


def test_the_default_evaluation_is_the_training_protocol_as_far_as_the_classes_go(letters):
    plan = planned(episodes(ways=9), letters)
    assert not plan.problems
    assert (plan.training.ways, plan.spec.evaluation[0].ways) == (9, len(plan.tests[0]))
    assert planned(plan.spec, letters).spec == plan.spec
    fixed = planned(episodes(ways=9, method={"name": "maml"}), letters)
    assert {code for code, _ in problems(fixed)} == {"way-exceeds-classes"}


def test_classes_too_small_for_an_episode_are_left_out_and_counted(letters):
    plan = planned(episodes(), letters)
    (notice,) = plan.notices
    assert (notice.code, notice.detail.startswith("1 of 20 classes")) == ("small-groups", True)


def test_tasks_too_small_or_without_a_target_are_left_out_and_counted(shops):
    (notice,) = planned(tasks(), shops).notices
    assert (notice.code, "'shop=s29'" in notice.detail) == ("small-groups", True)


def test_a_method_without_a_head_leaves_out_tasks_that_lack_a_class(shops):
    with_head = planned(tasks("hot"), shops)
    without = planned(tasks("hot", method={"name": "protonet"}), shops)
    assert (with_head.type, with_head.classes, with_head.ways) == ("binary", ("no", "yes"), 2)
    assert len(without.units.names) == 30
    kept = [sum(len(pool) for pool in (plan.train, plan.validation, plan.tests[0])) for plan in (with_head, without)]
    assert kept == [29, 28]
    assert "a row of each class" in without.notices[0].detail
    few = planned(tasks("hot", method={"name": "protonet"}, shots=1), shops)
    assert problems(few) == [("out-of-range", "/shots")]


@pytest.mark.parametrize(
    ("make", "code", "pointer"),
    [
        (lambda: tasks("constant"), "constant-target", "/tasks/targets/0/target"),
        (lambda: tasks("nothing"), "target-not-found", "/tasks/targets/0/target"),
        (lambda: tasks("shop"), "reserved-column", "/tasks/targets/0/target"),
        (lambda: tasks(shots=8), "shot-exceeds-samples", "/shots"),
        (lambda: tasks(evaluation=[{"queries": 9}]), "shot-exceeds-samples", "/evaluation/0/shots"),
        (lambda: tasks(method={"name": "protonet"}), "method-needs-classes", "/method"),
        (lambda: tasks(network={"name": "mlp", "widths": [4096] * 8}), "model-too-large", "/network"),
        (
            lambda: tasks(network={"name": "mlp", "widths": [2048, 2048]}, training={"tasks_per_batch": 256}),
            "out-of-range",
            "/training/tasks_per_batch",
        ),
        (lambda: tasks(training={"tasks_per_batch": 1024}, shots=4, queries=2), None, None),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(shops, make, code, pointer):
    found = problems(planned(make(), shops))
    assert set(found) == (set() if code is None else {(code, pointer)})


def test_a_protocol_of_more_rows_than_are_drawn_at_once_is_told(shops):
    plan = planned(tasks(evaluation=[{"shots": 600, "queries": 600, "episodes": 10_000}]), shops)
    assert ("out-of-range", "/evaluation/0/episodes") in problems(plan)
    assert "12,000,000" in plan.problems[0].detail


def test_inner_steps_are_asked_only_of_a_method_that_has_some(letters):
    protocol = [{"episodes": 10, "steps": [1, 5]}]
    assert problems(planned(episodes(evaluation=protocol), letters)) == [("no-steps", "/evaluation/0/steps")]
    assert problems(planned(episodes(evaluation=protocol, method={"name": "maml"}), letters)) == []


def test_a_dataset_that_is_not_there_is_told(shops):
    spec = tasks()
    assert problems(planned(spec, {})) == [("dataset-not-found", "/tasks/dataset")]


def test_a_device_that_is_not_there_is_told(shops):
    found = planned(tasks(training={"device": "cuda"}), shops, devices={"cpu"})
    assert problems(found) == [("device-unavailable", "/training/device")]


def header(spec, plan, **fields):
    """That of a meta-model which ``spec`` trained."""
    encoding = fit(pa.table({"x": [1.0, 2.0]}), {"x": "number"}, train=np.ones(2, bool))
    told: dict[str, Any] = {
        "name": None,
        "inputs": (input_of(encoding.columns[0]),),
        "target": spec.target,
        "type": plan.type,
        "classes": plan.classes,
        "episodes": spec.episodes is not None,
        "ways": plan.ways,
        "shots": 1,
        "queries": 1,
        "network": spec.network.model_dump(mode="json"),
        "method": spec.method.model_dump(mode="json"),
        "job": spec.model_dump(mode="json"),
        "encoding": encoding,
    }
    return MetaHeader(**told | fields)


def test_a_model_to_begin_from_gives_its_network_features_and_head(shops):
    first = tasks(network={"name": "mlp", "widths": [7]})
    own = header(first, planned(first, shops))
    told = {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "y"}], "exclude": ["hot"]}
    spec = read({"kind": "meta", "tasks": told, "shots": 4, "init": "mdl_1"})
    plan = planned(spec, shops, {"mdl_1": own})
    assert not plan.problems
    assert plan.spec.network.widths == (7,)
    assert (plan.spec.tasks.features, plan.keeps_head) == (("x",), True)
    assert [notice.code for notice in plan.notices] == ["features-not-in-source", "small-groups"]
    assert planned(plan.spec, shops, {"mdl_1": own}).spec == plan.spec


@pytest.mark.parametrize(
    "change", [{"type": "binary", "classes": ("a", "b"), "ways": 2}, {"method": {"name": "protonet"}}]
)
def test_a_head_that_asks_something_else_does_not_go_on(shops, change):
    spec = tasks(init="mdl_1")
    plan = planned(spec, shops, {"mdl_1": header(tasks(), planned(tasks(), shops), **change)})
    assert (problems(plan), plan.keeps_head) == ([], False)


def test_a_model_that_learned_from_other_parts_of_the_same_data_is_told_of(shops):
    own = header(tasks(), planned(tasks(), shops))
    same, other = (planned(tasks(init="mdl_1", seed=seed), shops, {"mdl_1": own}) for seed in (0, 1))
    codes = [[notice.code for notice in plan.notices] for plan in (same, other)]
    assert ["source-knows-test-tasks" in found for found in codes] == [False, True]


@pytest.mark.parametrize(
    ("first", "change", "told"),
    [
        ({}, {"target": "side", "ways": 2}, True),
        ({}, {"where": {"letter": list(LETTERS[1:])}}, True),
        ({"split": {"column": "side"}}, {"split": {"column": "side"}, "seed": 5}, False),
    ],
    ids=["other classes", "some of the classes", "a column says which"],
)
def test_what_the_test_tasks_are_drawn_from_decides_whether_a_model_may_know_them(letters, first, change, told):
    own = header(episodes(**first), planned(episodes(**first), letters))
    plan = planned(episodes(**{"init": "mdl_1", **change}), letters, {"mdl_1": own})
    assert ("source-knows-test-tasks" in [notice.code for notice in plan.notices]) == told


def test_a_model_that_does_not_say_what_it_learned_from_is_no_failure(shops):
    for job in (None, {}, {"episodes": 5}, {"kind": "meta", "tasks": [1]}):
        own = header(tasks(), planned(tasks(), shops), job=job)
        assert problems(planned(tasks(init="mdl_1"), shops, {"mdl_1": own})) == []


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"episodes": {"dataset": "ds_1", "target": "image"}}, "/episodes/target"),
        ({"tasks": {"targets": [{"target": "image"}], "group_by": ["shop"]}}, "/tasks/targets/0/target"),
        ({"tasks": {"targets": [{"target": "x"}], "group_by": ["shop", "image"]}}, "/tasks/group_by/1"),
        ({"episodes": {"dataset": "ds_1", "target": "shop"}, "split": {"column": "image"}}, "/split/column"),
    ],
)
def test_an_image_can_only_be_an_input(tmp_path, fields, pointer):
    path = tables.bars(tmp_path / "t.parquet", rows=6, shop=list("aabbcc"), x=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    fields = {name: ({"dataset": "ds_1"} if name == "tasks" else {}) | value for name, value in fields.items()}
    plan = planned(read({"kind": "meta", **fields}), {"ds_1": Table("ds_1", path)})
    assert problems(plan) == [("wrong-type", pointer)]
