"""A split by time against a table: what its column must hold, and where its borders may lie."""

from datetime import UTC, datetime, timedelta

import pytest

from learning.examples import build
from learning.planning import TEST, TRAIN, VALIDATION, plan
from tests.learning.canonical import job, written

N = 40
DAYS = [datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None) + timedelta(days=(7 * i) % N) for i in range(N)]
TASKS = [{"dataset": "ds_1", "target": "y"}]


def table(folder, *, name="ds_1", **changed):
    columns = {
        "x": ("number", [float(i) for i in range(N)]),
        "day": ("date", DAYS),
        "year": ("number", [2000.0 + i for i in range(N)]),
        "shop": ("category", [f"s{i % 3}" for i in range(N)]),
        "y": ("number", [float(i * 3 % 11) for i in range(N)]),
        **changed,
    }
    return written(folder, columns, name=name)


def problems(tables, *, tasks=TASKS, **time):
    result = plan(job(tasks, split={"time": time}), tables)
    return [(problem.pointer.removeprefix("/split/time/"), problem.code) for problem in result.problems]


@pytest.mark.parametrize(
    ("time", "found"),
    [
        ({"column": "nope", "test_from": 1}, [("column", "unknown-column")]),
        ({"column": "shop", "test_from": 1}, [("column", "wrong-type")]),
        ({"column": "day", "test_from": 1}, [("test_from", "wrong-type")]),
        ({"column": "year", "test_from": "2026-01-31"}, [("test_from", "wrong-type")]),
        (
            {"column": "year", "test_from": "2026-01-31", "validation_from": "2026-01-01"},
            [("test_from", "wrong-type"), ("validation_from", "wrong-type")],
        ),
        ({"column": "day", "test_from": "2026-02-10"}, [("test_from", "out-of-range")]),
        ({"column": "day", "test_from": "2026-01-01"}, [("test_from", "out-of-range")]),
        ({"column": "year", "test_from": 2040}, [("test_from", "out-of-range")]),
        ({"column": "year", "test_from": 2020, "validation_from": 1999}, [("validation_from", "out-of-range")]),
        ({"column": "year", "test_from": 2020, "validation_from": 2019.5}, [("validation_from", "out-of-range")]),
        ({"column": "day", "test_from": "2026-02-09"}, []),
        ({"column": "day", "test_from": "2026-02-09T00:30:00+01:00"}, []),
        ({"column": "year", "test_from": 2020, "validation_from": 2010}, []),
    ],
)
def test_a_border_must_have_rows_on_both_its_sides_and_the_type_of_its_column(tmp_path, time, found):
    assert problems({"ds_1": table(tmp_path)}, **time) == found


def test_a_row_without_a_time_has_no_side(tmp_path):
    odd = table(tmp_path, day=("date", [None, *DAYS[1:]]))
    assert problems({"ds_1": odd}, column="day", test_from="2026-01-20") == [("column", "unknown-value")]


def test_the_last_time_is_told_where_the_border_lies_beyond_it(tmp_path):
    split = {"time": {"column": "day", "test_from": "2027-01-01"}}
    (problem,) = plan(job(TASKS, split=split), {"ds_1": table(tmp_path)}).problems
    assert problem.detail == "expected rows of ds_1 from it on, found the last at 2026-02-09T00:00:00.000000"


def test_dates_divide_the_rows_and_are_no_input(tmp_path):
    tables = {"ds_1": table(tmp_path)}
    split = {"time": {"column": "day", "test_from": "2026-01-31", "validation_from": "2026-01-21"}}
    examples = build(plan(job(TASKS, split=split), tables), tables)
    age = [(DAYS[row] - min(DAYS)).days for row in examples.row]
    assert examples.split.tolist() == [TRAIN if d < 20 else VALIDATION if d < 30 else TEST for d in age]
    assert examples.features.column_names == ["x", "year", "shop"]
    assert examples.cluster is None


def test_one_border_holds_for_all_tables(tmp_path):
    later = table(tmp_path, name="ds_2", year=("number", [2005.0 + i for i in range(N)]))
    tables = {"ds_1": table(tmp_path), "ds_2": later}
    tasks = [*TASKS, {"dataset": "ds_2", "target": "y"}]
    examples = build(plan(job(tasks, split={"time": {"column": "year", "test_from": 2030}}), tables), tables)
    year = examples.row + 2000 + 5 * examples.source
    assert year[examples.split == TRAIN].max() < year[examples.split == VALIDATION].min()
    assert year[examples.split == VALIDATION].max() < 2030 <= year[examples.split == TEST].min()


def test_a_task_whose_labels_all_lie_on_one_side_is_a_problem_of_its_own(tmp_path):
    early = table(tmp_path, y=("number", [float(i) if i < 20 else None for i in range(N)]))
    split = {"time": {"column": "year", "test_from": 2030}}
    (problem,) = plan(job(TASKS, split=split), {"ds_1": early}).problems
    assert (problem.pointer, problem.code) == ("/tasks/0/target", "no-labels")
    assert "see the times in 'year'" in problem.detail
