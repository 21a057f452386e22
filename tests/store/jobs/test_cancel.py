"""A job can be cancelled until it ends."""

import threading

import pytest

from store.claims import Claim
from store.errors import JobFinished, NotFound
from tests.store.conftest import Toy


def test_a_waiting_job_is_cancelled_at_once(toy):
    job = toy.submit()
    toy.clock.advance(5)
    cancelled = toy.cancel(job.id)
    assert cancelled == toy.job(job.id)
    assert (cancelled.status, cancelled.finished_at, cancelled.attempt) == ("cancelled", toy.clock.time, 0)


def test_a_running_job_is_cancelling_until_its_worker_ends_it(toy):
    fence = toy.running()
    job = toy.cancel(fence.job_id)
    assert (job.status, job.finished_at, job.cancel_requested_at) == ("cancelling", None, toy.clock.time)


def test_cancelling_twice_changes_nothing(toy):
    fence = toy.running()
    first = toy.cancel(fence.job_id)
    toy.clock.advance(5)
    assert toy.cancel(fence.job_id) == first
    assert len(toy.events(fence.job_id)) == 3


def test_a_second_cancel_may_ask_to_keep_the_best_model_but_not_take_that_back(toy):
    fence = toy.running()
    assert not toy.cancel(fence.job_id).keep_best
    assert toy.cancel(fence.job_id, keep_best=True).keep_best
    assert toy.cancel(fence.job_id, keep_best=False).keep_best


@pytest.mark.parametrize("ending", ["succeeded", "cancelled"])
def test_a_finished_job_cannot_be_cancelled(toy, ending):
    fence = toy.running()
    if ending == "cancelled":
        toy.cancel(fence.job_id)
    toy.finish(fence)
    before = toy.job(fence.job_id)
    with pytest.raises(JobFinished) as caught:
        toy.cancel(fence.job_id)
    assert caught.value.status == ending
    assert toy.job(fence.job_id) == before


def test_a_foreign_job_cannot_be_cancelled(toy, database, clock):
    fence = toy.running()
    with pytest.raises(NotFound):
        Toy(database, clock).cancel(fence.job_id)
    assert toy.job(fence.job_id).status == "running"


def test_a_job_that_waits_again_after_a_crash_is_cancelled_at_once(toy):
    fence = toy.running()
    toy.clock.advance(36)
    toy.rescue()
    assert toy.cancel(fence.job_id).status == "cancelled"
    assert toy.claim() is None


def test_of_cancel_and_claim_whichever_commits_first_wins(toy):
    for _ in range(12):
        job = toy.submit()
        start = threading.Barrier(2)
        claims: list[Claim | None] = []

        def claim(start=start, claims=claims):
            start.wait(10)
            claims.append(toy.claim())

        thread = threading.Thread(target=claim)
        thread.start()
        start.wait(10)
        status = toy.cancel(job.id).status
        thread.join(30)
        assert status == toy.job(job.id).status == ("cancelling" if claims[0] else "cancelled")
        if claims[0]:
            toy.release(claims[0].fence)
