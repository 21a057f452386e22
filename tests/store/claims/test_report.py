"""What a running attempt tells, and that resuming repeats nothing."""

import pytest

from store import jobs
from store.claims import Checkpoint, Renewal, checkpoints
from store.errors import LeaseLost


def point(step, value=0.5, name="loss", task=None):
    return {"name": name, "task": task, "step": step, "value": value}


def stored(toy, job_id):
    with toy.database.reading() as session:
        return [(found.step, found.file) for found in checkpoints(session, job_id)]


def test_a_renewal_holds_the_job_longer(toy):
    fence = toy.running()
    for _ in range(5):
        toy.clock.advance(25)
        assert toy.renew(fence) == Renewal("running", cancel_requested=False, keep_best=False)
        assert toy.rescue() == []


def test_a_renewal_brings_the_news_of_a_cancel(toy):
    fence = toy.running()
    toy.cancel(fence.job_id, keep_best=True)
    assert toy.renew(fence) == Renewal("cancelling", cancel_requested=True, keep_best=True)


def test_a_renewal_is_no_news_to_the_user(toy):
    fence = toy.running()
    before = toy.job(fence.job_id)
    toy.clock.advance(5)
    toy.renew(fence)
    assert toy.job(fence.job_id) == before


def test_a_lease_that_ended_can_still_be_renewed_until_somebody_else_has_the_job(toy):
    fence = toy.running()
    toy.clock.advance(100)
    assert toy.renew(fence).status == "running"
    toy.clock.advance(100)
    toy.rescue()
    with pytest.raises(LeaseLost):
        toy.renew(fence)


def test_progress_is_the_newest_and_every_report_is_an_event(toy):
    fence = toy.running()
    toy.report(fence, progress={"fraction": 0.1, "phase": "training"})
    toy.clock.advance(1)
    toy.report(fence, progress={"fraction": 0.2, "phase": "training"}, environment={"torch": "2.13.0"})
    job = toy.job(fence.job_id)
    assert job.progress == {"fraction": 0.2, "phase": "training"}
    assert job.environment == {"torch": "2.13.0"}
    assert job.updated_at == toy.clock.time
    assert [event.type for event in toy.events(job.id)] == ["status", "status", "progress", "progress"]


def test_logs_and_metrics_are_events_too(toy):
    fence = toy.running()
    toy.report(fence, logs=[{"level": "info", "message": "one"}, {"level": "warning", "message": "two"}])
    toy.report(fence, points=[point(1, 0.5), point(1, 0.25, task="colour")])
    told = [(event.type, event.data) for event in toy.events(fence.job_id)][2:]
    assert told == [
        ("log", {"level": "info", "message": "one"}),
        ("log", {"level": "warning", "message": "two"}),
        ("metrics", {"points": [point(1, 0.5), point(1, 0.25, task="colour")]}),
    ]


def test_a_resumed_attempt_measures_again_only_what_came_after_its_checkpoint(toy):
    old = toy.running()
    toy.report(old, points=[point(step, 0.1 * step) for step in range(1, 7)])
    new = toy.reclaimed(old)
    toy.report(new, resumed_step=4)
    assert [step for step, _ in toy.points(old.job_id)] == [1, 2, 3, 4]
    toy.report(new, points=[point(5, 9.0), point(6, 9.5), point(7, 9.9)])
    assert [step for step, _ in toy.points(old.job_id)] == [1, 2, 3, 4, 5, 6, 7]
    assert toy.points(old.job_id)[4:] == [(5, 9.0), (6, 9.5), (7, 9.9)]


def test_an_attempt_from_scratch_measures_everything_again(toy):
    old = toy.running()
    toy.report(old, points=[point(step) for step in range(1, 7)])
    new = toy.reclaimed(old)
    toy.report(new, points=[point(1, 0.9)])
    assert toy.points(old.job_id) == [(1, 0.9)]
    toy.report(new, points=[point(2, 0.8)])
    assert toy.points(old.job_id) == [(1, 0.9), (2, 0.8)]


def test_points_of_three_attempts_make_one_series(toy):
    fence = toy.running()
    toy.report(fence, points=[point(step, 1.0) for step in range(1, 6)])
    fence = toy.reclaimed(fence)
    toy.report(fence, resumed_step=3)
    toy.report(fence, points=[point(step, 2.0) for step in range(4, 9)])
    fence = toy.reclaimed(fence)
    toy.report(fence, resumed_step=2)
    toy.report(fence, points=[point(step, 3.0) for step in range(3, 5)])
    assert toy.points(fence.job_id) == [(1, 1.0), (2, 1.0), (3, 3.0), (4, 3.0)]


def test_a_point_that_is_told_twice_keeps_its_last_value(toy):
    fence = toy.running()
    toy.report(fence, points=[point(1, 0.5), point(1, 0.4), point(2, 0.3)])
    toy.report(fence, points=[point(2, 0.2), point(2, 0.1, task="colour")])
    assert toy.points(fence.job_id) == [(1, 0.4), (2, 0.2), (2, 0.1)]


def test_thousands_of_points_fit_in_one_report(toy):
    fence = toy.running()
    toy.report(fence, points=[point(step, task=str(task)) for task in range(400) for step in range(15)])
    with toy.database.reading() as session:
        assert len(jobs.metric_points(session, toy.project_id, fence.job_id, task="399")) == 15
        assert len(jobs.metric_points(session, toy.project_id, fence.job_id)) == 6000


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused_with_all_of_its_report(toy, value):
    fence = toy.running()
    with pytest.raises(ValueError, match="expected a finite value of loss"):
        toy.report(fence, progress={"fraction": 0.5}, points=[point(1), point(2, value)])
    assert toy.points(fence.job_id) == []
    assert toy.job(fence.job_id).progress == {"fraction": 0.0}


def test_the_newest_two_checkpoints_are_kept(toy):
    fence = toy.running()
    for step in (1, 2, 3, 4):
        toy.report(fence, checkpoint=Checkpoint(step, f"{step}.safetensors", "ab"))
    assert stored(toy, fence.job_id) == [(4, "4.safetensors"), (3, "3.safetensors")]


def test_a_checkpoint_supersedes_those_of_a_dead_attempt_from_that_step_on(toy):
    old = toy.running()
    for step in (10, 20):
        toy.report(old, checkpoint=Checkpoint(step, f"1-{step}", "ab"))
    new = toy.reclaimed(old)
    toy.report(new, resumed_step=10, checkpoint=Checkpoint(15, "2-15", "ab"))
    assert stored(toy, old.job_id) == [(15, "2-15"), (10, "1-10")]


def test_a_report_of_nothing_is_no_event(toy):
    fence = toy.running()
    toy.report(fence)
    assert len(toy.events(fence.job_id)) == 2
