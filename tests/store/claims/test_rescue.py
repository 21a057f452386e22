"""Attempts that went away: nothing is lost, and a job that kills its workers stops."""

import threading

import pytest

from store import claims
from store.claims import death
from store.errors import LeaseLost
from tests.store.conftest import FAILURE


def lease_of(toy, fence):
    with toy.database.reading() as session:
        return next(lease for lease in claims.leases(session) if lease.fence == fence)


def test_a_lease_is_expired_only_after_its_end_and_the_grace(toy):
    toy.running()
    toy.clock.advance(35)
    assert toy.rescue() == []
    toy.clock.advance(0.5)
    assert toy.rescue() == ["queued"]


def test_a_job_whose_worker_died_is_queued_again_at_once(toy):
    fence = toy.running()
    toy.clock.advance(36)
    toy.rescue()
    job = toy.job(fence.job_id)
    assert (job.status, job.crash_count, job.attempt) == ("queued", 1, 1)
    assert toy.events(job.id)[-1].data == {"status": "queued", "attempt": 1}
    assert toy.outcomes(job.id) == ["lost"]
    assert toy.claim().fence.attempt == 2


def test_a_job_that_kills_its_workers_fails_at_the_third(toy):
    fence = toy.running()
    fence = toy.reclaimed(toy.reclaimed(fence))
    toy.clock.advance(36)
    assert toy.rescue() == ["failed"]
    job = toy.job(fence.job_id)
    assert (job.status, job.crash_count, job.attempt) == ("failed", 3, 3)
    assert job.error["code"] == "worker-crashed"
    assert set(job.error) == {"code", "message", "param", "category", "retryable"}
    assert toy.claim() is None


def test_a_job_lost_while_cancelling_is_cancelled(toy):
    fence = toy.running()
    toy.cancel(fence.job_id, keep_best=True)
    toy.clock.advance(36)
    assert toy.rescue() == ["cancelled"]
    job = toy.job(fence.job_id)
    assert (job.status, job.model_id) == ("cancelled", None)
    assert job.finished_at == toy.clock.time


def test_a_reboot_is_no_crash_of_the_job(toy):
    fence = toy.running()
    toy.clock.advance(36)
    assert toy.rescue(crash=False) == ["queued"]
    assert toy.job(fence.job_id).crash_count == 0


def test_an_owner_that_renews_meanwhile_keeps_its_job(toy):
    fence = toy.running()
    lease = lease_of(toy, fence)
    toy.clock.advance(36)
    toy.renew(fence)
    with toy.writing() as session:
        assert claims.rescue(session, lease, now=toy.clock.time) is None
    assert toy.job(fence.job_id).status == "running"


def test_a_preempted_job_is_queued_again_at_no_charge(toy):
    fence = toy.running()
    for attempt in range(2, 30):
        assert toy.release(fence, outcome="preempted") == "queued"
        fence = toy.claim().fence
        assert fence.attempt == attempt
    assert toy.job(fence.job_id).crash_count == 0
    assert toy.outcomes(fence.job_id)[:-1] == ["preempted"] * 28


def test_a_child_that_dies_is_a_crash_and_its_last_reason_is_the_jobs(toy):
    fence = toy.running()
    reason = FAILURE | {"code": "worker-oom"}
    assert toy.release(fence, outcome="lost", error=reason) == "queued"
    assert toy.release(toy.claim().fence, outcome="lost", error=reason) == "queued"
    toy.clock.advance(10)
    assert toy.release(toy.claim().fence, outcome="lost", error=reason) == "failed"
    assert toy.job(fence.job_id).error == reason


def test_a_release_while_cancelling_is_the_end(toy):
    fence = toy.running()
    toy.cancel(fence.job_id)
    assert toy.release(fence, outcome="preempted") == "cancelled"
    with pytest.raises(LeaseLost):
        toy.release(fence)


def test_of_many_rescuers_one_rescues(toy):
    fence = toy.running()
    toy.clock.advance(36)
    found = []
    start = threading.Barrier(6)

    def rescue():
        start.wait(10)
        found.extend(toy.rescue())

    threads = [threading.Thread(target=rescue) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [status for status in found if status] == ["queued"]
    assert toy.job(fence.job_id).crash_count == 1
    assert [event.data["status"] for event in toy.events(fence.job_id)] == ["queued", "running", "queued"]


@pytest.mark.parametrize(
    ("host", "boot_id", "alive", "verdict"),
    [
        ("here", "boot-1", True, None),
        ("here", "boot-1", False, "died"),
        ("here", "boot-2", True, "rebooted"),
        ("elsewhere", "boot-1", False, None),
        ("elsewhere", "boot-2", False, None),
    ],
)
def test_an_owner_on_this_host_is_known_dead_without_waiting(toy, host, boot_id, alive, verdict):
    lease = lease_of(toy, toy.running())
    asked = []

    def look(pid):
        asked.append(pid)
        return alive

    assert death(lease, host=host, boot_id=boot_id, alive=look) == verdict
    assert asked in ([], [41])


def test_a_known_dead_owners_job_is_rescued_before_its_lease_ends(toy):
    fence = toy.running()
    lease = lease_of(toy, fence)
    with toy.writing() as session:
        assert claims.rescue(session, lease, now=toy.clock.time) == "queued"
    assert toy.claim().fence.attempt == 2
