"""Jobs are submitted, found again and listed, each in its own project."""

import pytest

from store import datasets, jobs
from store.errors import DatasetDeleted, DatasetNotFound, InvalidCursor, NotFound
from tests.store.conftest import Toy


def listed(toy, **filters):
    with toy.database.reading() as session:
        return jobs.page(session, toy.project_id, **filters)


def ids(page):
    return [job.id for job in page.items]


def test_a_submitted_job_waits(toy):
    dataset = toy.dataset()
    job = toy.submit(
        name="wine", spec={"seed": 1, "tasks": [{"weight": 1.0}]}, metadata={"team": "a"}, datasets=[dataset]
    )
    assert job == toy.job(job.id)
    assert (job.status, job.attempt, job.kind, job.name) == ("queued", 0, "multitask", "wine")
    assert job.spec == {"seed": 1, "tasks": [{"weight": 1.0}]}
    assert job.metadata == {"team": "a"}
    assert job.progress == {"fraction": 0.0}
    assert job.created_at == job.updated_at == toy.clock.time
    assert (job.started_at, job.finished_at, job.model_id, job.dataset_id, job.result, job.error) == (None,) * 6


def test_a_spec_keeps_the_order_of_its_fields(toy):
    spec = {"z": 1, "a": {"y": 1, "b": 2}, "m": None}
    job = toy.job(toy.submit(spec=spec).id)
    assert list(job.spec) == ["z", "a", "m"]
    assert list(job.spec["a"]) == ["y", "b"]


def test_a_job_on_an_unknown_dataset_is_not_stored(toy):
    with pytest.raises(DatasetNotFound):
        toy.submit(datasets=[toy.dataset(), "ds_unknown"])
    assert listed(toy).items == ()


def test_a_job_on_a_foreign_dataset_looks_like_one_on_an_unknown_dataset(toy, database, clock):
    foreign = Toy(database, clock).dataset()
    with pytest.raises(DatasetNotFound) as caught:
        toy.submit(datasets=[foreign])
    assert str(caught.value) == str(DatasetNotFound(foreign))


def test_a_job_on_a_deleted_dataset_is_refused_as_such(toy):
    dataset = toy.dataset()
    with toy.writing() as session:
        datasets.delete(session, toy.project_id, dataset, now=toy.clock.time)
    with pytest.raises(DatasetDeleted):
        toy.submit(datasets=[dataset])


def test_a_foreign_job_looks_like_an_unknown_one(toy, database, clock):
    foreign = Toy(database, clock).submit()
    for key in (foreign.id, "job_unknown", "", "'; DROP TABLE jobs"):
        with pytest.raises(NotFound):
            toy.job(key)


def test_a_list_is_read_in_pages_newest_first(toy):
    born = [toy.submit().id for _ in range(7)]
    first = listed(toy, limit=3)
    assert (ids(first), first.has_more) == (born[:3:-1], True)
    second = listed(toy, limit=3, after=ids(first)[-1])
    assert (ids(second), second.has_more) == (born[3:0:-1], True)
    third = listed(toy, limit=3, after=ids(second)[-1])
    assert (ids(third), third.has_more) == ([born[0]], False)


def test_a_list_can_be_read_oldest_first(toy):
    born = [toy.submit().id for _ in range(4)]
    page = listed(toy, limit=2, after=born[0], descending=False)
    assert (ids(page), page.has_more) == (born[1:3], True)


def test_a_page_that_ends_exactly_at_the_end_says_so(toy):
    for _ in range(3):
        toy.submit()
    assert not listed(toy, limit=3).has_more


def test_pages_do_not_shift_when_jobs_are_added_meanwhile(toy):
    born = [toy.submit().id for _ in range(4)]
    first = listed(toy, limit=2)
    toy.submit()
    assert ids(listed(toy, limit=2, after=ids(first)[-1])) == [born[1], born[0]]


def test_a_cursor_is_an_id_of_this_list(toy, database, clock):
    foreign = Toy(database, clock).submit()
    for after in (foreign.id, "job_unknown", toy.dataset()):
        with pytest.raises(InvalidCursor):
            listed(toy, after=after)


def test_a_list_shows_one_project_only(toy, database, clock):
    Toy(database, clock).submit()
    mine = toy.submit()
    assert ids(listed(toy)) == [mine.id]


def test_lists_are_filtered(toy):
    early = toy.submit(name="a", kind="predict")
    toy.clock.advance(60)
    noon = toy.clock.time
    toy.clock.advance(60)
    late = toy.submit(name="b")
    toy.cancel(early.id)
    assert ids(listed(toy, status="cancelled")) == [early.id]
    assert ids(listed(toy, status="queued")) == [late.id]
    assert ids(listed(toy, kind="predict")) == [early.id]
    assert ids(listed(toy, name="b")) == [late.id]
    assert ids(listed(toy, created_after=noon)) == [late.id]
    assert ids(listed(toy, created_after=noon, name="a")) == []


@pytest.mark.parametrize("key", ["team", 'quo"te', "dot.ted", "a[0]", "ключ", "%", "$"])
def test_lists_are_filtered_by_any_metadata_key(toy, key):
    wanted = toy.submit(metadata={key: "x", "other": "y"})
    toy.submit(metadata={key: "y"})
    toy.submit(metadata={"other": "x"})
    assert ids(listed(toy, metadata={key: "x"})) == [wanted.id]
    assert ids(listed(toy, metadata={key: "x", "other": "y"})) == [wanted.id]
    assert ids(listed(toy, metadata={key: "x", "other": "z"})) == []


def test_metadata_that_is_no_text_is_found_by_its_json(toy):
    job = toy.submit(metadata={"fold": 3, "final": True})
    assert ids(listed(toy, metadata={"fold": "3", "final": "true"})) == [job.id]


def test_filters_and_pages_go_together(toy):
    born = [toy.submit(metadata={"even": str(number % 2 == 0)}).id for number in range(6)]
    first = listed(toy, metadata={"even": "True"}, limit=2)
    assert (ids(first), first.has_more) == ([born[4], born[2]], True)
    assert ids(listed(toy, metadata={"even": "True"}, limit=2, after=born[2])) == [born[0]]


def test_the_queue_position_counts_who_is_served_before(toy):
    def position(job):
        with toy.database.reading() as session:
            return jobs.queue_position(session, jobs.get(session, toy.project_id, job.id))

    first, second, urgent = toy.submit(), toy.submit(), toy.submit(priority=5)
    toy.submit(queue="another", priority=9)
    assert [position(job) for job in (urgent, first, second)] == [1, 2, 3]
    toy.claim()
    assert [position(job) for job in (urgent, first, second)] == [None, 1, 2]
    toy.cancel(first.id)
    assert [position(job) for job in (first, second)] == [None, 1]
