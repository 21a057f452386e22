"""What a split may say of itself, in each of its forms."""

from typing import Any

import pytest

from learning.errors import SpecError
from learning.specs.job import parse_job
from learning.specs.kinds import parse_spec

DATES: dict[str, Any] = {"column": "day", "test_from": "2026-03-01"}


def parsed(split):
    return parse_job({"kind": "multitask", "tasks": [{"dataset": "ds_1", "target": "a"}], "split": split})


@pytest.mark.parametrize(
    ("split", "fields"),
    [
        ({"time": DATES}, {"time": {**DATES, "validation_from": None}, "validation": 0.15}),
        (
            {"time": {"column": "year", "test_from": 2020, "validation_from": 2019.5}, "validation": 0.3},
            {"time": {"column": "year", "test_from": 2020.0, "validation_from": 2019.5}, "validation": 0.3},
        ),
        ({"blocks": 200}, {"blocks": 200, "validation": 0.15, "test": 0.15}),
        ({"folds": 10}, {"folds": 10, "validation": 0.15}),
        ({"folds": 2, "validation": 0.5}, {"folds": 2, "validation": 0.5}),
    ],
)
def test_a_split_is_told_by_its_field_and_read_again_the_same(split, fields):
    job = parsed(split)
    assert job.split.model_dump() == fields
    assert parsed(fields) == job


@pytest.mark.parametrize(
    ("split", "pointer", "code"),
    [
        ({"time": 3}, "/split/time", "wrong-type"),
        ({"time": {"column": "day"}}, "/split/time/test_from", "missing-field"),
        ({"time": {**DATES, "test": 0.1}}, "/split/time/test", "extra-field"),
        ({"time": DATES, "test": 0.1}, "/split/test", "extra-field"),
        *[({"time": {**DATES, "test_from": value}}, "/split/time/test_from", "wrong-type") for value in (None, True, [0])],
        *[({"time": {**DATES, "test_from": text}}, "/split/time/test_from", "invalid-value") for text in ("", "x", "2026-13-01")],
        ({"time": {**DATES, "test_from": "0001-01-01T00:00:00+05:00"}}, "/split/time/test_from", "invalid-value"),
        ({"time": {**DATES, "test_from": 10**400}}, "/split/time/test_from", "out-of-range"),
        ({"time": {**DATES, "validation_from": "2026-03-01"}}, "/split/time", "out-of-range"),
        ({"time": {**DATES, "validation_from": "2026-03-01T01:00:00-02:00"}}, "/split/time", "out-of-range"),
        ({"time": {**DATES, "validation_from": 3}}, "/split/time", "wrong-type"),
        *[({"blocks": value}, "/split/blocks", "out-of-range") for value in (0, -1, 10**10)],
        *[({"blocks": value}, "/split/blocks", "wrong-type") for value in (None, 2.5, "200", True)],
        ({"blocks": 200, "test": 0.9}, "/split", "out-of-range"),
        ({"blocks": 200, "group": "patient"}, "/split/blocks", "extra-field"),
        *[({"folds": value}, "/split/folds", "out-of-range") for value in (0, 1, 51, -3)],
        *[({"folds": value}, "/split/folds", "wrong-type") for value in (None, 2.5, "10", True)],
        ({"folds": 10, "test": 0.1}, "/split/test", "extra-field"),
        ({"folds": 10, "validation": 1.0}, "/split/validation", "out-of-range"),
        ({"folds": 10, "group": "patient"}, "/split/folds", "extra-field"),
    ],
)  # fmt: skip
def test_a_border_that_cannot_be_meant_is_one_problem_with_its_pointer(split, pointer, code):
    with pytest.raises(SpecError) as caught:
        parsed(split)
    assert [(problem.pointer, problem.code) for problem in caught.value.problems] == [(pointer, code)]


def test_a_transfer_which_trains_once_takes_no_folds_and_says_so():
    job = {"kind": "transfer", "source": "mdl_1", "task": {"dataset": "ds_1", "target": "a"}}
    with pytest.raises(SpecError) as caught:
        parse_spec({**job, "split": {"folds": 10}})
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == ("/split", "unknown-value")
    assert "folds are for multitask jobs" in problem.detail
    assert parse_spec({**job, "split": {"blocks": 5}}).model_dump()["split"]["blocks"] == 5


@pytest.mark.parametrize(
    ("body", "forms"),
    [
        ({"kind": "multitask", "tasks": [{"dataset": "ds_1", "target": "a"}]}, "column, group, time, blocks, or folds"),
        (
            {"kind": "transfer", "source": "mdl_1", "task": {"dataset": "ds_1", "target": "a"}},
            "column, group, time, or blocks",
        ),
        ({"kind": "meta", "episodes": {"dataset": "ds_1", "target": "a"}}, "column, or classes"),
    ],
    ids=["multitask", "transfer", "meta"],
)
def test_a_split_without_form_is_told_the_forms_of_its_kind_of_job(body, forms):
    with pytest.raises(SpecError) as caught:
        parse_spec({**body, "split": "by hand"})
    [problem] = caught.value.problems
    assert (problem.pointer, problem.code) == ("/split", "wrong-type")
    assert problem.detail == f"expected an object with validation and test, {forms}; found 'by hand'"
