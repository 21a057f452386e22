"""What an evaluation measures, and what stands against it."""

import pytest

from learning.scoring import plan_scoring
from learning.specs import EvaluateJob
from tests.learning.canonical import written
from tests.learning.toys import listed_header

ROWS = {
    "age": ("number", [30.0, None, 50.0]),
    "member": ("boolean", [True, False, None]),
    "joined": ("date", [None, None, None]),
    "region": ("category", ["north", None, "south"]),
    "only_b": ("number", [1.0, 2.0, 3.0]),
    "price": ("number", [100.0, 90.0, None]),
    "kind": ("category", ["a", "b", "a"]),
}


def plan(folder, rows=ROWS, models=("mdl_1", "mdl_2"), **headers):
    known = {"mdl_1": listed_header(), "mdl_2": listed_header(), **headers}
    spec = EvaluateJob(kind="evaluate", models=models, dataset="ds_1")
    return plan_scoring(spec, {"ds_1": written(folder, rows)}, {name: known[name] for name in models})


def problems(found):
    return [(problem.pointer, problem.code) for problem in found.problems]


def without(*names):
    return {name: column for name, column in ROWS.items() if name not in names}


def renamed(**names):
    """The header with outputs of other names."""
    header = listed_header()
    outputs = tuple(one.model_copy(update={"name": names.get(one.name, one.name)}) for one in header.outputs)
    return header.model_copy(update={"outputs": outputs})


def test_tasks_are_measured_that_all_models_have_and_the_dataset_has_labels_for(tmp_path):
    found = plan(tmp_path)
    assert (found.tasks, problems(found)) == (("price", "kind"), [])
    assert [(notice.code, "'sold'" in notice.detail) for notice in found.notices] == [("tasks-left-out", True)]


def test_a_task_of_other_classes_is_another_task(tmp_path):
    header = listed_header()
    other = [
        one.model_copy(update={"classes": ("a", "b", "d")} if one.name == "kind" else {}) for one in header.outputs
    ]
    assert plan(tmp_path, mdl_2=header.model_copy(update={"outputs": tuple(other)})).tasks == ("price",)


def test_a_model_named_twice_is_named_where_it_stands_again(tmp_path):
    assert problems(plan(tmp_path, models=("mdl_1", "mdl_2", "mdl_1"))) == [("/models/2", "duplicate-model")]


def test_models_without_a_task_in_common_are_not_compared(tmp_path):
    other = renamed(price="p", kind="k", sold="s")
    assert problems(plan(tmp_path, mdl_2=other)) == [("/models", "no-shared-task")]


def test_a_dataset_without_labels_measures_nothing(tmp_path):
    assert problems(plan(tmp_path, without("price", "kind"))) == [("/dataset", "target-not-found")]


@pytest.mark.parametrize(
    ("name", "column"),
    [("price", ("category", ["cheap", "dear", None])), ("kind", ("date", [None, None, None]))],
)
def test_labels_of_another_sort_are_refused(tmp_path, name, column):
    assert problems(plan(tmp_path, {**ROWS, name: column})) == [("/dataset", "wrong-target-type")]


def test_each_model_that_the_dataset_does_not_fit_is_pointed_at(tmp_path):
    assert problems(plan(tmp_path, without("age"))) == [
        ("/models/0", "feature-mismatch"),
        ("/models/1", "feature-mismatch"),
    ]


def test_what_only_a_task_that_is_not_measured_reads_is_not_needed(tmp_path):
    assert problems(plan(tmp_path, without("only_b"))) == []


def test_an_empty_dataset_is_refused(tmp_path):
    empty: dict[str, tuple[str, list]] = {name: (kind, []) for name, (kind, _) in ROWS.items()}
    assert problems(plan(tmp_path, empty)) == [("/dataset", "empty-rows")]
