"""Whether a source may have learned from another job's test rows."""

import pytest

from learning.grafting import knows_test_rows
from learning.specs import parse_job

DAY = {"column": "day", "test_from": "2024-06-01"}


def source(split):
    return parse_job({"kind": "multitask", "tasks": [{"dataset": "ds_1", "target": "y"}], "split": split})


@pytest.mark.parametrize(
    ("there", "here", "warned"),
    [
        ({"validation": 0.15, "test": 0.15}, {"validation": 0.15, "test": 0.15}, True),
        ({"column": "part"}, {"column": "part"}, False),
        ({"column": "part"}, {"column": "part", "validation": 0.3}, False),
        ({"column": "part"}, {"column": "other"}, True),
        ({"time": DAY}, {"time": DAY}, False),
        ({"time": DAY}, {"time": {**DAY, "validation_from": "2024-05-01"}}, False),
        ({"time": DAY}, {"time": {**DAY, "test_from": "2024-01-01"}}, True),
        ({"time": DAY}, {"column": "day"}, True),
        ({"group": "patient"}, {"group": "patient"}, True),
        ({"folds": 5}, {"column": "part"}, True),
    ],
)
def test_only_a_column_or_a_border_in_time_keeps_the_same_rows_apart(there, here, warned):
    notice = knows_test_rows(source(there), source(here).split, {"ds_1", "ds_2"}, "/source")
    assert (notice is not None) == warned
    if notice is not None:
        assert (notice.code, notice.pointer, "'ds_1'" in notice.detail) == (
            "source-may-know-test-rows",
            "/source",
            True,
        )
        assert "ds_2" not in notice.detail


def test_of_another_dataset_or_an_unknown_source_nothing_is_said():
    fractions = {"validation": 0.15, "test": 0.15}
    assert knows_test_rows(source(fractions), source(fractions).split, {"ds_2"}, "/source") is None
    assert knows_test_rows(None, source(fractions).split, {"ds_1"}, "/source") is None
