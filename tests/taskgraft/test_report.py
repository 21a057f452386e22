"""A job on a terminal."""

import io

import pytest
from rich.console import Console

from taskgraft import report


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200, color_system=None)


def task(**more):
    return {
        "type": "regression",
        "metric": "rmse",
        "test": {"rmse": 0.6123},
        "baselines": {"trivial": {"rmse": 0.8}, "single_task": {"rmse": 0.63}, "one_model_trees": {"rmse": 0.7}},
        "gains": {"single_task": 0.032},
        "interval": [0.004, 0.061],
        "verdict": "helped",
        **more,
    }


def job(tasks, **more):
    return {
        "id": "job_1",
        "name": "wine",
        "kind": "multitask",
        "result": {"tasks": tasks, "summary": "Sharing helped 1 of 1 tasks."},
        **more,
    }


def lines(console):
    return console.file.getvalue().splitlines()


def test_a_task_stands_beside_its_rivals_with_gain_interval_and_verdict(console):
    report.show(job({"quality": task()}), console=console)
    start = next(number for number, line in enumerate(lines(console)) if "quality" in line)
    first, second, third = (line.split() for line in lines(console)[start : start + 3])
    assert first == ["quality", "0.612", "0.63", "–", "–", "0.8", "+3%"]
    assert second == ["rmse", "–", "0.7", "[+0%,", "+6%]"]
    assert third == ["helped"]
    assert lines(console)[-1] == "Sharing helped 1 of 1 tasks."


def test_what_is_not_known_is_a_dash_not_a_zero(console):
    report.show(job({"shop=1/demand": task(verdict=None, interval=None, gains=None, baselines=None)}), console=console)
    row = next(line for line in lines(console) if "shop=1/demand" in line)
    assert row.split() == ["shop=1/demand", "0.612", "–", "–", "–", "–", "–"]


def test_the_table_fits_eighty_columns():
    paper = io.StringIO()
    narrow = Console(file=paper, width=80, color_system=None)
    wide_numbers = {"rmse": 0.00123, "single_task": {"rmse": 0.00125}}
    report.show(job({"worst_fractal_dimension": task(test=wide_numbers, interval=[-3.15, 0.22])}), console=narrow)
    assert "…" not in paper.getvalue()
    assert "0.00123" in paper.getvalue()
    assert "[-315%, +22%]" in paper.getvalue()


def test_hundreds_of_tasks_are_cut_short_with_a_count(console):
    report.show(job({f"task{number}": task() for number in range(139)}), console=console)
    assert sum("rmse" in line for line in lines(console)) == 50
    assert "… and 89 more tasks" in console.file.getvalue()


def test_markup_in_a_users_name_is_shown_as_it_is(console):
    report.show(job({"[red]x[/red]": task()}, name="[bold]mine[/bold]"), console=console)
    assert "[red]x[/red]" in console.file.getvalue()
    assert "[bold]mine[/bold]" in console.file.getvalue()


def test_of_a_batch_prediction_its_dataset_and_its_warnings_are_shown(console):
    warning = {"code": "unseen-group", "detail": "3 rows hold [new]", "rows": 3}
    result = {"rows": 1200, "seconds": {"total": 0.5}, "warnings": [warning]}
    report.show({"id": "job_1", "kind": "predict", "dataset": "ds_9", "result": result}, console=console)
    assert lines(console) == ["1200 rows answered in 0.5 s: ds_9", "unseen-group: 3 rows hold [new]"]


@pytest.mark.parametrize(
    ("reproduced", "difference", "words"),
    [
        (True, 0.0, "reproduced bit for bit"),
        (False, 0.25, "not reproduced: weights differ by up to 0.25"),
        (False, None, "not reproduced: its tensors are others"),
    ],
)
def test_of_a_replay_it_is_told_whether_the_same_came_out(console, reproduced, difference, words):
    warning = {"code": "environment-differs", "detail": "threads: expected 2 as recorded, found 1"}
    result = {"reproduced": reproduced, "max_abs_difference": difference, "warnings": [warning]}
    report.show({"id": "job_1", "kind": "replay", "result": result}, console=console)
    assert lines(console) == [words, "environment-differs: threads: expected 2 as recorded, found 1"]


def test_of_an_evaluation_each_model_stands_beside_those_before_it(console):
    difference = {"model": "mdl_2", "against": "mdl_1", "gain": 0.1234, "interval": [0.05, 0.2]}
    quality = {
        "metric": "rmse",
        "models": {"mdl_1": {"rmse": 0.7}, "mdl_2": {"rmse": 0.6123}},
        "differences": [difference],
    }
    unknown = {
        "metric": "roc_auc",
        "models": {"mdl_1": {}, "mdl_2": {}},
        "differences": [difference | {"interval": None}],
    }
    result = {"rows": 90, "tasks": {"quality": quality, "hot": unknown}, "warnings": []}
    report.show(
        {"id": "job_1", "name": "[b]x[/b]", "kind": "evaluate", "dataset": "ds_9", "result": result}, console=console
    )
    found = [line.split() for line in lines(console)]
    assert ["quality", "mdl_1", "rmse", "0.7"] in found
    assert ["mdl_2", "rmse", "0.612", "+12.3%", "[+5.0%,", "+20.0%]", "over", "mdl_1"] in found
    assert ["mdl_2", "roc_auc", "–", "–"] in found
    assert any("[b]x[/b]: 90 rows, answers in ds_9" in line for line in lines(console))


def test_a_protocol_of_a_meta_job_stands_beside_what_needs_no_meta_learning(console):
    protocol = task(
        metric="accuracy",
        test={"accuracy": 0.97},
        margin={"accuracy": 0.01},
        baselines={
            "no_adaptation": {"accuracy": 0.2},
            "nearest_centroid": {"accuracy": 0.7},
            "from_scratch": {"accuracy": 0.6},
        },
        gains={"from_scratch": 0.92},
        interval=[0.9, 0.94],
    )
    summary = "5-way 1-shot: accuracy 97% after adapting."
    report.show(
        {
            "id": "job_1",
            "name": "letters",
            "kind": "meta",
            "result": {"tasks": {"5-way": protocol}, "summary": summary},
        },
        console=console,
    )
    row = next(line for line in lines(console) if "±" in line and line.lstrip().startswith("5-way"))
    assert row.split() == ["5-way", "0.97", "±", "0.01", "0.2", "0.7", "0.6", "+92%"]
    assert lines(console)[-1] == summary
