"""Events carry a durable number, so that a reader can go on where it stopped."""

import threading

from store import jobs
from tests.store.conftest import Toy


def read(toy, job_id, **options):
    with toy.database.reading() as session:
        return jobs.events(session, toy.project_id, job_id, **options)


def test_a_life_is_told_in_order(toy):
    fence = toy.running()
    toy.clock.advance(1)
    toy.report(fence, progress={"fraction": 0.5})
    toy.cancel(fence.job_id)
    toy.finish(fence)
    told = read(toy, fence.job_id)
    assert [event.seq for event in told] == [1, 2, 3, 4, 5]
    assert [event.data.get("status") for event in told] == ["queued", "running", None, "cancelling", "cancelled"]
    assert [event.attempt for event in told] == [0, 1, 1, 1, 1]
    assert told[2].at == toy.clock.time


def test_a_reader_goes_on_where_it_stopped(toy):
    fence = toy.running()
    for step in range(10):
        toy.report(fence, progress={"fraction": step / 10})
    seen: list[int] = []
    while page := read(toy, fence.job_id, after=seen[-1] if seen else 0, limit=5):
        seen += [event.seq for event in page]
    assert seen == list(range(1, 13))


def test_the_events_of_a_foreign_job_are_not_there(toy, database, clock):
    assert read(toy, Toy(database, clock).submit().id) == []


def test_one_read_tells_which_of_many_jobs_changed(toy):
    still, moved = toy.submit(), toy.submit()

    def numbers():
        with toy.database.reading() as session:
            return jobs.last_events(session, [still.id, moved.id, "job_unknown"])

    before = numbers()
    toy.cancel(moved.id)
    assert numbers() == before | {moved.id: before[moved.id] + 1}
    assert toy.job(moved.id).last_event == numbers()[moved.id]


def test_numbers_have_no_gap_and_no_twin_however_many_write(toy):
    fence = toy.running()
    threads, rounds = 6, 8

    def write():
        for turn in range(rounds):
            toy.report(fence, logs=[{"level": "info", "message": str(turn)}] * 2)

    workers = [threading.Thread(target=write) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [event.seq for event in read(toy, fence.job_id)] == list(range(1, 3 + 2 * threads * rounds))
