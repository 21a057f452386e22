"""Slots claim until nothing waits, wake when they are rung, and give back what they run when they are drained."""

import pytest

from worker.settings import WorkerSettings
from worker.slots import Slot


@pytest.fixture
def slot(bench, request):
    opened = []

    def open_slot(**settings):
        slot = Slot(request.getfixturevalue("yard").bench_with(**settings), "train")
        opened.append(slot)
        slot.thread.start()
        return slot

    yield open_slot
    for started in opened:
        started.drain()
        started.thread.join(20)
        assert not started.thread.is_alive()


def test_a_slot_runs_all_that_waits(yard, slot, until):
    ids = [yard.submit("fail") for _ in range(3)]
    slot()
    until(lambda: all(yard.job(job_id).status == "failed" for job_id in ids))


def test_a_slot_finds_a_job_without_being_rung(yard, slot, until):
    slot(poll_seconds=0.05)
    job_id = yard.submit("fail")
    until(lambda: yard.job(job_id).status == "failed")


def test_a_ring_wakes_a_slot_long_before_its_next_poll(yard, slot, until):
    rung = slot(poll_seconds=600.0)
    job_id = yard.submit("fail")
    rung.ring()
    until(lambda: yard.job(job_id).status == "failed")


def test_a_slot_leaves_other_queues_alone(yard, slot, until):
    other, own = yard.submit("fail", queue="quick"), yard.submit("fail")
    slot()
    until(lambda: yard.job(own).status == "failed")
    assert yard.job(other).status == "queued"


def test_a_drained_slot_gives_its_job_back_after_a_checkpoint(yard, slot, until):
    job_id = yard.submit("heed_stop")
    draining = slot()
    until(lambda: yard.job(job_id).environment)
    draining.drain()
    draining.thread.join(20)
    job = yard.job(job_id)
    assert (job.status, job.attempt, job.crash_count) == ("queued", 1, 0)
    slot()
    until(lambda: yard.job(job_id).attempt == 2)


def test_a_cancel_frees_the_slot_though_the_child_ignores_it(yard, slot, until):
    stubborn, waiting = yard.submit("ignore_stop"), yard.submit("fail")
    slot(cancel_grace_seconds=0.2)
    until(lambda: yard.job(stubborn).environment)
    yard.cancel(stubborn)
    until(lambda: yard.job(waiting).status == "failed")
    assert yard.job(stubborn).status == "cancelled"


def test_a_cancel_takes_at_most_15_seconds_in_production():
    times = WorkerSettings.model_fields
    assert times["cancel_poll_seconds"].default + times["cancel_grace_seconds"].default <= 15 - 2


def test_a_slot_outlives_a_bug_of_its_own(yard, slot, until):
    """The first job's folder cannot be made; it stays under its lease, and the next job runs."""
    broken, sound = yard.submit("fail"), yard.submit("fail")
    (yard.bench.artifacts.root / "checkpoints" / broken).write_text("in the way")
    slot()
    until(lambda: yard.job(sound).status == "failed")
    assert yard.job(broken).status == "running"
