"""Who may claim a job, and what holding it means."""

import threading
from collections import Counter

import pytest
from sqlalchemy import select, text

from store import claims
from store.claims import Checkpoint, Fence
from store.errors import LeaseLost
from store.tables import AttemptRow, JobRow


def test_a_claim_is_an_attempt_under_a_lease(toy):
    job = toy.submit(spec={"seed": 7})
    toy.clock.advance(5)
    claim = toy.claim(host="node-3", boot_id="b", pid=99)
    assert claim.fence.job_id == job.id
    assert claim.fence.attempt == 1
    assert (claim.project_id, claim.kind, claim.name, claim.spec) == (toy.project_id, "multitask", "wine", {"seed": 7})
    found = toy.job(job.id)
    assert (found.status, found.attempt, found.started_at) == ("running", 1, toy.clock.time)
    [lease] = [lease for lease in leases(toy) if lease.fence == claim.fence]
    assert (lease.host, lease.boot_id, lease.pid, lease.lease_seq) == ("node-3", "b", 99, 0)
    assert (lease.expires_at - toy.clock.time).total_seconds() == 30


def leases(toy):
    with toy.database.reading() as session:
        return claims.leases(session)


def test_a_claim_says_what_the_job_reads(toy):
    one, two = toy.dataset("one", "1"), toy.dataset("two", "2")
    toy.submit(datasets=[two, one, one])
    assert set(toy.claim().datasets) == {one, two}


def test_there_is_nothing_to_claim_in_an_empty_queue(toy):
    assert toy.claim() is None
    toy.submit(queue="another")
    assert toy.claim() is None


def test_a_poller_sees_whether_a_claim_would_find_something(toy):
    def waiting():
        with toy.database.reading() as session:
            return claims.waiting(session, queue=toy.queue, now=toy.clock.time)

    assert not waiting()
    toy.submit()
    assert waiting()
    toy.claim()
    assert not waiting()


def test_jobs_are_claimed_by_priority_and_then_first_come_first_served(toy):
    names = ["late", "urgent", "first", "second"]
    for name, priority in zip(names, (-1, 9, 0, 0), strict=True):
        toy.submit(name=name, priority=priority)
    assert [toy.claim().name for _ in names] == ["urgent", "first", "second", "late"]


def test_a_job_in_backoff_waits_for_its_time(toy):
    fence = toy.running()
    fence = toy.reclaimed(fence)
    toy.clock.advance(40)
    assert toy.rescue() == ["queued"]
    assert toy.claim() is None
    toy.clock.advance(9.9)
    assert toy.claim() is None
    toy.clock.advance(0.2)
    assert toy.claim().fence.attempt == 3


def test_a_cancelled_job_is_never_claimed(toy):
    toy.cancel(toy.submit().id)
    assert toy.claim() is None


def test_every_attempt_leaves_a_row(toy):
    fence = toy.reclaimed(toy.reclaimed(toy.running()))
    with toy.database.reading() as session:
        rows = session.scalars(select(AttemptRow.attempt).where(AttemptRow.job_id == fence.job_id)).all()
    assert sorted(rows) == [1, 2, 3]
    assert toy.job(fence.job_id).attempt == 3
    assert toy.outcomes(fence.job_id) == ["lost", "lost", None]


def test_a_claim_hands_over_the_checkpoints_newest_first(toy):
    fence = toy.running()
    for step in (10, 20, 30):
        toy.report(fence, checkpoint=Checkpoint(step, f"{step}.safetensors", "ab"))
    toy.release(fence)
    assert toy.claim().checkpoints == (
        Checkpoint(30, "30.safetensors", "ab"),
        Checkpoint(20, "20.safetensors", "ab"),
    )


@pytest.mark.parametrize("wrong", ["attempt", "owner", "job"])
def test_a_fence_that_differs_in_anything_opens_nothing(toy, wrong):
    fence = toy.running()
    forged = {
        "attempt": Fence(fence.job_id, fence.attempt + 1, fence.owner),
        "owner": Fence(fence.job_id, fence.attempt, "somebody"),
        "job": Fence(toy.submit().id, fence.attempt, fence.owner),
    }[wrong]
    before = toy.job(fence.job_id), toy.events(fence.job_id)
    for write in (
        lambda: toy.renew(forged),
        lambda: toy.report(forged, progress={"fraction": 1.0}),
        lambda: toy.finish(forged),
        lambda: toy.release(forged),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert (toy.job(fence.job_id), toy.events(fence.job_id)) == before


def test_a_late_write_of_a_dead_attempt_changes_nothing(toy):
    old = toy.running()
    toy.report(old, points=[{"name": "loss", "task": None, "step": 1, "value": 0.5}])
    new = toy.reclaimed(old)
    toy.report(new, points=[{"name": "loss", "task": None, "step": 1, "value": 0.4}])
    before = toy.job(old.job_id), toy.events(old.job_id), toy.points(old.job_id), toy.outcomes(old.job_id)
    for write in (
        lambda: toy.renew(old),
        lambda: toy.report(old, progress={"fraction": 0.9}, points=[{"name": "loss", "step": 2, "value": 9.0}]),
        lambda: toy.report(old, checkpoint=Checkpoint(99, "late.safetensors", "ab")),
        lambda: toy.report(old, resumed_step=0),
        lambda: toy.finish(old),
        lambda: toy.release(old, outcome="lost"),
    ):
        with pytest.raises(LeaseLost):
            write()
    after = toy.job(old.job_id), toy.events(old.job_id), toy.points(old.job_id), toy.outcomes(old.job_id)
    assert after == before
    assert toy.finish(new).status == "succeeded"


def test_nothing_can_be_written_after_the_end(toy):
    fence = toy.running()
    toy.finish(fence)
    before = toy.job(fence.job_id), toy.events(fence.job_id)
    for write in (lambda: toy.finish(fence), lambda: toy.release(fence), lambda: toy.renew(fence)):
        with pytest.raises(LeaseLost):
            write()
    assert (toy.job(fence.job_id), toy.events(fence.job_id)) == before


def test_of_many_threads_exactly_one_gets_each_job(toy):
    count, threads = 40, 8
    expected = {toy.submit().id for _ in range(count)}
    claimed, failures = [], []
    start = threading.Barrier(threads)

    def work():
        try:
            start.wait(10)
            while (claim := toy.claim()) is not None:
                claimed.append(claim.fence)
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    assert Counter(fence.job_id for fence in claimed) == Counter(expected)
    assert {fence.attempt for fence in claimed} == {1}
    with toy.database.reading() as session:
        rows = session.execute(select(JobRow.id, JobRow.lease_owner).where(JobRow.queue == toy.queue)).all()
    assert {(row.id, row.lease_owner) for row in rows} == {(fence.job_id, fence.owner) for fence in claimed}


def test_the_claim_reads_an_index_however_long_the_queue_is(toy):
    toy.submit()
    wanted = (
        "SELECT id FROM jobs WHERE queue = 'q' AND status = 'queued' AND (run_after IS NULL OR run_after <= '2026-01-01')"
        " ORDER BY priority DESC, id LIMIT 1"
    )
    with toy.database.reading() as session:
        if toy.database.embedded:
            plan = str(session.execute(text(f"EXPLAIN QUERY PLAN {wanted}")).all())
            assert "TEMP B-TREE" not in plan
        else:
            session.execute(text("SET LOCAL enable_seqscan = off"))
            plan = str(session.execute(text(f"EXPLAIN {wanted}")).all())
            assert "Sort" not in plan
    assert "ix_jobs_waiting" in plan
