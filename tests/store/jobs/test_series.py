"""Series and per-task results are read in parts."""

import pytest

from store import jobs
from store.errors import InvalidCursor
from store.jobs import Point
from tests.store.conftest import Toy


def points(toy, job_id, **filters):
    with toy.database.reading() as session:
        return jobs.metric_points(session, toy.project_id, job_id, **filters)


def tasks(toy, job_id, **filters):
    with toy.database.reading() as session:
        return jobs.task_results(session, toy.project_id, job_id, **filters)


@pytest.fixture
def measured(toy):
    fence = toy.running()
    told = [
        {"name": name, "task": task, "step": step, "value": float(step)}
        for name in ("validation/loss", "training/loss")
        for task in (None, "colour")
        for step in (2, 1)
    ]
    toy.report(fence, points=told)
    return fence.job_id


def test_series_come_by_name_task_and_step(toy, measured):
    found = points(toy, measured)
    assert found[0] == Point("training/loss", None, 1, 1.0)
    assert [(point.name, point.task, point.step) for point in found] == [
        (name, task, step)
        for name in ("training/loss", "validation/loss")
        for task in (None, "colour")
        for step in (1, 2)
    ]


def test_series_are_filtered(toy, measured):
    assert {point.name for point in points(toy, measured, name="training/loss")} == {"training/loss"}
    assert {point.task for point in points(toy, measured, task="colour")} == {"colour"}
    assert {point.step for point in points(toy, measured, from_step=2)} == {2}
    assert len(points(toy, measured, limit=3)) == 3


def test_series_go_on_after_any_point(toy, measured):
    every = points(toy, measured)
    for place, point in enumerate(every):
        rest = points(toy, measured, after=(point.name, point.task, point.step), limit=3)
        assert rest == every[place + 1 : place + 4]
    assert points(toy, measured, after=("training/loss", "colour", 1), task="colour") == every[3:4] + every[6:]


def test_series_of_a_foreign_job_are_empty(toy, measured, database, clock):
    assert points(Toy(database, clock), measured) == []


@pytest.fixture
def finished(toy):
    fence = toy.running()
    verdicts = ["helped", "hurt", None, "hurt", "neutral"]
    results = [{"name": f"shop={9 - number}", "verdict": verdict} for number, verdict in enumerate(verdicts)]
    toy.finish(fence, toy.success(tasks=results))
    return fence.job_id


def test_tasks_come_in_the_order_of_the_spec_and_in_pages(toy, finished):
    first = tasks(toy, finished, limit=3)
    assert ([task.name for task in first.items], first.has_more) == (["shop=9", "shop=8", "shop=7"], True)
    second = tasks(toy, finished, limit=3, after="shop=7")
    assert ([task.name for task in second.items], second.has_more) == (["shop=6", "shop=5"], False)


def test_tasks_are_filtered_by_verdict(toy, finished):
    hurt = tasks(toy, finished, verdict="hurt", limit=1)
    assert ([task.name for task in hurt.items], hurt.has_more) == (["shop=8"], True)
    assert [task.name for task in tasks(toy, finished, verdict="hurt", after="shop=8").items] == ["shop=6"]


def test_a_task_cursor_is_a_task_of_this_job(toy, finished):
    with pytest.raises(InvalidCursor):
        tasks(toy, finished, after="shop=1")


def test_tasks_of_a_foreign_job_are_not_there(toy, finished, database, clock):
    assert tasks(Toy(database, clock), finished).items == ()


def test_results_are_found_by_name_in_the_order_of_the_spec(toy, database, clock):
    fence = toy.running()
    toy.finish(fence, toy.success(tasks=[{"name": name, "verdict": None, "type": "binary"} for name in "cab"]))
    with toy.database.reading() as session:
        found = jobs.task_results_named(session, toy.project_id, fence.job_id, names=["b", "c", "absent"])
        foreign = jobs.task_results_named(session, Toy(database, clock).project_id, fence.job_id, names=["b"])
    assert [(one.name, one.data["type"]) for one in found] == [("c", "binary"), ("b", "binary")]
    assert foreign == ()
