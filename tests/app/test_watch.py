"""However many wait, one question a round is asked, and nobody waits past a change, a deadline or the end."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import pytest

from app.jobs.watch import Watch

pytestmark = pytest.mark.anyio


class Jobs:
    """The newest event of each job, as the database would tell it."""

    def __init__(self, **newest: int) -> None:
        self.newest = newest
        self.questions: list[set[str]] = []

    def versions(self, job_ids: list[str]) -> Mapping[str, int]:
        self.questions.append(set(job_ids))
        return {job: self.newest[job] for job in job_ids if job in self.newest}


async def test_a_waiter_returns_at_the_change_it_waits_for():
    jobs = Jobs(a=1, b=1)
    watch = Watch(jobs.versions, poll_seconds=0.01)
    waiting = asyncio.gather(*(watch.change(job, seen=1, seconds=20) for job in ("a", "a", "b")))
    while {"a", "b"} not in jobs.questions:
        await asyncio.sleep(0)

    jobs.newest.update(a=2, b=2)
    await asyncio.wait_for(waiting, 10)

    assert all(question <= {"a", "b"} for question in jobs.questions)


async def test_what_changed_before_the_waiting_began_is_no_reason_to_wait():
    watch = Watch(Jobs(a=5).versions, poll_seconds=0.01)

    await asyncio.wait_for(watch.change("a", seen=4, seconds=20), 10)


async def test_a_job_that_is_gone_is_not_waited_for():
    watch = Watch(Jobs().versions, poll_seconds=0.01)

    await asyncio.wait_for(watch.change("a", seen=0, seconds=20), 10)


async def test_a_deadline_ends_the_wait_and_then_nobody_asks():
    watch = Watch(Jobs(a=1).versions, poll_seconds=0.01)
    others = asyncio.all_tasks()
    began = monotonic()

    await watch.change("a", seen=1, seconds=0.05)

    assert monotonic() - began >= 0.05
    async with asyncio.timeout(10):
        await asyncio.gather(*(asyncio.all_tasks() - others))
    assert asyncio.all_tasks() == others


async def test_the_end_of_the_process_wakes_all():
    watch = Watch(Jobs(a=1).versions, poll_seconds=0.01)
    waiting = asyncio.create_task(watch.change("a", seen=1, seconds=60))
    await asyncio.sleep(0)

    watch.close()
    await asyncio.wait_for(waiting, 10)

    await asyncio.wait_for(watch.change("a", seen=1, seconds=60), 10)
