"""BAD_INPUT.md part E where the model itself must answer: each problem with its code and its pointer, and no answer."""

import numpy as np
import pytest

from learning.errors import InputError
from learning.predictor.predictor import Predictor
from tests.learning.toys import grouped_header, json_columns, listed_header, table, trained

ROWS = table(6, missing=False)


@pytest.fixture(scope="module")
def listed():
    return Predictor(trained(listed_header()))


@pytest.fixture(scope="module")
def grouped():
    return Predictor(trained(grouped_header()))


def refusal(predictor, columns, **options):
    with pytest.raises(InputError) as refused:
        predictor.predict(columns, **options)
    return [(problem.pointer, problem.code) for problem in refused.value.problems]


def changed(name, row, value):
    columns = json_columns(ROWS)
    columns[name][row] = value
    return columns


WRONG = [
    ("age", "40"),
    ("age", True),
    ("age", [40]),
    ("age", {"years": 40}),
    ("member", 1),
    ("member", "true"),
    ("member", 0.0),
    ("joined", "yesterday"),
    ("joined", 20240101),
    ("joined", "01/02/2024"),
    ("joined", True),
    ("region", 3),
    ("region", False),
    ("region", ["north"]),
    ("region", {"name": "north"}),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name}={value!r}" for name, value in WRONG])
def test_70_a_value_of_another_type_is_pointed_at(listed, name, value):
    columns = changed(name, 3, value)
    assert refusal(listed, columns, pointer_style="rows") == [(f"/rows/3/{name}", "wrong-type")]
    assert refusal(listed, columns) == [(f"/columns/{name}/3", "wrong-type")]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_73_a_number_that_is_not_finite_is_pointed_at(listed, value):
    assert refusal(listed, changed("age", 2, value), pointer_style="rows") == [("/rows/2/age", "non-finite-value")]


def test_73_a_not_a_number_beside_a_null_is_still_pointed_at(listed):
    columns = changed("age", 2, float("nan"))
    columns["age"][1] = None
    assert refusal(listed, columns) == [("/columns/age/2", "non-finite-value")]


def test_68_every_missing_feature_is_named(listed):
    columns = json_columns(ROWS.select(["member", "region", "joined"]))
    expected = [("/rows/0/age", "missing-feature"), ("/rows/0/only_b", "missing-feature")]
    assert refusal(listed, columns, pointer_style="rows") == expected
    assert refusal(listed, columns)[0] == ("/columns/age", "missing-feature")


def test_69_every_unknown_feature_is_named(listed):
    columns = {**json_columns(ROWS), "colour/": ["red"] * 6}
    assert refusal(listed, columns) == [("/columns/colour~1", "unknown-feature")]
    assert refusal(listed, columns, pointer_style="rows") == [("/rows/0/colour~1", "unknown-feature")]


def test_71_no_rows_are_refused(listed):
    assert refusal(listed, {name: [] for name in json_columns(ROWS)}) == [("/columns", "empty-rows")]
    of_rows = refusal(listed, {name: [] for name in json_columns(ROWS)}, pointer_style="rows")
    assert of_rows == [("/rows", "empty-rows")]


def test_74_columns_of_unequal_length_are_refused(listed):
    columns = {**json_columns(ROWS), "region": ["north"] * 5}
    assert refusal(listed, columns) == [("/columns/region", "ragged-rows")]


def test_22_an_unseen_category_is_refused_when_strict(listed):
    columns = changed("region", 5, "moon")
    columns["region"][1] = None
    assert refusal(listed, columns, strict=True, pointer_style="rows") == [("/rows/5/region", "unseen-category")]


@pytest.mark.parametrize("shop", ["elsewhere", None])
def test_an_unseen_group_is_refused_when_strict(grouped, shop):
    columns = {**json_columns(ROWS), "shop": ["17", "17", shop, "18", "18", "18"]}
    assert refusal(grouped, columns, strict=True, pointer_style="rows") == [("/rows/2/shop", "unseen-group")]


@pytest.mark.parametrize(
    ("key_type", "value"), [("category", 17), ("number", "17"), ("number", True), ("date", "never")]
)
def test_a_group_key_of_another_type_is_pointed_at(key_type, value):
    predictor = Predictor(trained(grouped_header(key_type=key_type)))
    columns = {**json_columns(ROWS), "shop": [None, value, None, None, None, None]}
    assert refusal(predictor, columns, pointer_style="rows") == [("/rows/1/shop", "wrong-type")]


def test_a_group_key_that_is_not_finite_is_pointed_at():
    predictor = Predictor(trained(grouped_header(key_type="number")))
    columns = {**json_columns(ROWS), "shop": [float("nan")] * 6}
    assert refusal(predictor, columns)[0] == ("/columns/shop/0", "non-finite-value")


def test_a_group_key_is_required(grouped):
    assert refusal(grouped, json_columns(ROWS)) == [("/columns/shop", "missing-feature")]


def test_unknown_tasks_are_named_with_the_known_ones(listed):
    with pytest.raises(InputError) as refused:
        listed.predict(json_columns(ROWS), tasks=["price", "weather"])
    (problem,) = refused.value.problems
    assert (problem.pointer, problem.code) == ("/tasks/1", "unknown-task")
    assert "'price', 'sold', 'kind'" in problem.detail


def test_several_problems_are_told_at_once_and_not_more_than_fifty(listed):
    columns = changed("age", 0, "old")
    columns["region"][4] = 7
    columns["joined"][5] = "never"
    assert sorted(refusal(listed, columns)) == [
        ("/columns/age/0", "wrong-type"),
        ("/columns/joined/5", "wrong-type"),
        ("/columns/region/4", "wrong-type"),
    ]
    many = {name: values * 20 for name, values in json_columns(ROWS).items()}
    assert len(refusal(listed, {**many, "age": ["old"] * 120, "member": ["no"] * 120})) == 50


def test_found_values_are_cut_and_objects_never_shown(listed):
    for value in ("x" * 10_000, {"secret": "s3cr3t"}):
        with pytest.raises(InputError) as refused:
            listed.predict(changed("joined", 0, value))
        assert len(refused.value.problems[0].detail) < 250
        assert "s3cr3t" not in refused.value.problems[0].detail


def test_after_a_refusal_a_good_request_works(listed):
    refusal(listed, changed("age", 0, "old"))
    assert np.isfinite(listed.predict(json_columns(ROWS)).by_task["price"].output).all()
