"""Jobs of dead workers come back: at once where the death is known, else when their lease stood still."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from store.claims import Fence, Lease
from worker.host import is_alive
from worker.rescuer import Rescuer, Sighting, ripe

FENCE = Fence("job_1", 1, "owner")
LEASE = Lease(FENCE, "prj_1", "train", 4, datetime(2026, 1, 1, tzinfo=UTC), "host", "boot", 1)


def test_a_lease_is_ripe_when_it_stood_still_for_half_its_time():
    due, seen = ripe({}, [LEASE], now=100.0, watch_seconds=15.0)
    assert (due, seen) == ([], {FENCE: Sighting(4, 100.0)})
    assert ripe(seen, [LEASE], now=114.0, watch_seconds=15.0) == ([], seen)
    assert ripe(seen, [LEASE], now=115.0, watch_seconds=15.0) == ([LEASE], seen)


def test_a_lease_that_was_renewed_is_watched_anew():
    renewed = replace(LEASE, lease_seq=5)
    assert ripe({FENCE: Sighting(4, 100.0)}, [renewed], now=200.0, watch_seconds=15.0) == (
        [],
        {FENCE: Sighting(5, 200.0)},
    )


def test_a_lease_that_is_no_longer_expired_is_forgotten():
    assert ripe({FENCE: Sighting(4, 100.0)}, [], now=200.0, watch_seconds=15.0) == ([], {})


def test_without_a_watch_an_expired_lease_is_ripe_at_once():
    assert ripe({}, [LEASE], now=1.0, watch_seconds=0.0)[0] == [LEASE]


class SteppingClock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def steps():
    return SteppingClock()


@pytest.fixture
def rung():
    return []


@pytest.fixture
def rescuer(bench, rung, steps):
    return Rescuer(bench.database, bench.artifacts, bench.settings, on_queued=rung.append, clock=steps)


@pytest.fixture
def dead_pid():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not is_alive(process.pid)
    return process.pid


def test_what_a_dead_predecessor_held_is_queued_at_once(yard, rescuer, rung, dead_pid):
    job_id = yard.submit("succeed")
    yard.claim(pid=dead_pid)
    rescuer.rescue_dead()
    job = yard.job(job_id)
    assert (job.status, job.attempt, job.crash_count) == ("queued", 1, 1)
    assert rung == ["train"]


def test_our_own_id_is_a_dead_namesakes(yard, rescuer):
    """A restarted container's processes have the ids they had before."""
    job_id = yard.submit("succeed")
    yard.claim(pid=os.getpid())
    rescuer.rescue_dead()
    assert yard.job(job_id).status == "queued"


def test_what_a_live_neighbour_holds_is_left_alone(yard, rescuer, rung):
    job_id = yard.submit("succeed")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as neighbour:
        yard.claim(pid=neighbour.pid)
        rescuer.rescue_dead()
        assert yard.job(job_id).status == "running"
        neighbour.kill()
    rescuer.rescue_dead()
    assert yard.job(job_id).status == "queued"


def test_a_silent_worker_loses_its_job_within_75_seconds(yard, rescuer, rung, clock, steps, settings):
    job_id = yard.submit("succeed")
    yard.claim()
    elapsed = 0.0
    while yard.job(job_id).status == "running":
        rescuer.look()
        clock.advance(settings.rescue_seconds)
        steps.seconds += settings.rescue_seconds
        elapsed += settings.rescue_seconds
        assert elapsed <= 75
    assert elapsed > settings.lease_seconds
    assert yard.job(job_id).crash_count == 1
    assert rung == ["train"]


def test_a_clock_that_jumps_takes_no_job_from_a_live_worker_of_sqlite(yard, rescuer, clock):
    job_id = yard.submit("succeed")
    yard.claim()
    clock.advance(600)
    rescuer.look()
    # PostgreSQL's clock is the one that every host shares: there the lease has simply expired
    assert yard.job(job_id).status == ("running" if yard.bench.database.embedded else "queued")


def test_a_job_lost_while_cancelling_is_cancelled(yard, rescuer, rung, dead_pid):
    job_id = yard.submit("succeed")
    yard.claim(pid=dead_pid)
    yard.cancel(job_id)
    rescuer.rescue_dead()
    assert yard.job(job_id).status == "cancelled"
    assert rung == []
