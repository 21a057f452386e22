"""Datasets are immutable, belong to a project, and leave a tombstone."""

import threading

import pytest

from store import datasets, jobs
from store.errors import DatasetDeleted, DatasetInUse, InvalidCursor, NotFound
from store.lineage import lineage
from tests.store.conftest import Toy


def get(toy, key):
    with toy.database.reading() as session:
        return datasets.get(session, toy.project_id, key)


def page(toy, **options):
    with toy.database.reading() as session:
        return datasets.page(session, toy.project_id, **options)


def delete(toy, key):
    with toy.writing() as session:
        datasets.delete(session, toy.project_id, key, now=toy.clock.time)


def test_a_dataset_is_found_again(toy):
    found = get(toy, toy.dataset("wine", "a;b"))
    assert (found.name, found.format, found.bytes, found.created_at) == ("wine", "csv", 3, toy.clock.time)
    assert found.description == {"rows": 1, "columns": [], "warnings": []}


def test_the_same_bytes_twice_are_two_datasets_on_one_artifact(toy):
    one, two = get(toy, toy.dataset()), get(toy, toy.dataset())
    assert one.id != two.id
    assert (one.name, one.artifact, one.sha256) == (two.name, two.artifact, two.sha256)


def test_datasets_are_listed_in_pages_newest_first(toy):
    born = [toy.dataset(str(number)) for number in range(5)]
    first = page(toy, limit=2)
    assert ([item.id for item in first.items], first.has_more) == (born[:2:-1], True)
    assert [item.id for item in page(toy, limit=5, after=born[3]).items] == born[2::-1]
    assert [item.id for item in page(toy, limit=5, after=born[3], descending=False).items] == [born[4]]
    assert [item.id for item in page(toy, name="3").items] == [born[3]]


def test_those_that_are_there_are_told_at_once(toy, database, clock):
    kept, gone, foreign = toy.dataset(), toy.dataset(), Toy(database, clock).dataset()
    delete(toy, gone)
    with toy.database.reading() as session:
        found = datasets.living(session, toy.project_id, [kept, gone, foreign, "ds_unknown"])
        assert found == {kept}
        assert datasets.living(session, toy.project_id, []) == frozenset()


def test_datasets_are_filtered_by_time(toy):
    toy.dataset()
    before = toy.clock.time
    toy.clock.advance(1)
    late = toy.dataset()
    assert [item.id for item in page(toy, created_after=before).items] == [late]


def test_a_foreign_dataset_is_not_there(toy, database, clock):
    foreign = Toy(database, clock).dataset()
    with pytest.raises(NotFound):
        get(toy, foreign)
    with pytest.raises(NotFound):
        delete(toy, foreign)
    with pytest.raises(InvalidCursor):
        page(toy, after=foreign)
    assert page(toy).items == ()


def test_a_dataset_cannot_be_deleted_while_a_job_needs_it(toy):
    dataset = toy.dataset()
    fence = toy.running(datasets=[dataset])
    with pytest.raises(DatasetInUse) as caught:
        delete(toy, dataset)
    assert caught.value.jobs == [fence.job_id]
    toy.finish(fence)
    delete(toy, dataset)
    with pytest.raises(NotFound):
        get(toy, dataset)


def test_a_deleted_dataset_is_gone_but_its_lineage_stays(toy):
    dataset = toy.dataset()
    fence = toy.running(datasets=[dataset])
    model = toy.finish(fence).model_id
    sha256 = get(toy, dataset).sha256
    delete(toy, dataset)
    with pytest.raises(NotFound):
        delete(toy, dataset)
    assert page(toy).items == ()
    with toy.database.reading() as session:
        graph = lineage(session, toy.project_id, dataset)
    nodes = {node.id: node for node in graph.nodes}
    assert set(nodes) == {dataset, fence.job_id, model}
    assert (nodes[dataset].deleted, nodes[dataset].sha256) == (True, sha256)


def test_a_page_goes_on_after_a_dataset_that_was_deleted_meanwhile(toy):
    born = [toy.dataset() for _ in range(3)]
    delete(toy, born[1])
    assert [item.id for item in page(toy, after=born[1]).items] == [born[0]]


def test_of_delete_and_submit_only_one_succeeds(toy):
    for _ in range(12):
        dataset = toy.dataset()
        start = threading.Barrier(2)
        refused: list[DatasetDeleted] = []

        def submit(dataset=dataset, start=start, refused=refused):
            start.wait(10)
            try:
                toy.submit(datasets=[dataset])
            except DatasetDeleted as error:
                refused.append(error)

        thread = threading.Thread(target=submit)
        thread.start()
        start.wait(10)
        try:
            delete(toy, dataset)
            deleted = True
        except DatasetInUse:
            deleted = False
        thread.join(30)
        assert deleted == bool(refused)
    with toy.database.reading() as session:
        for job in jobs.page(session, toy.project_id, limit=100).items:
            assert job.status == "queued"


def test_what_a_job_reads_is_told_also_when_it_is_deleted(toy, database, clock):
    born = [toy.dataset() for _ in range(3)]
    fence = toy.running(datasets=born[:2])
    toy.finish(fence)
    delete(toy, born[0])
    with toy.database.reading() as session:
        found = datasets.read_by(session, toy.project_id, fence.job_id)
        foreign = datasets.read_by(session, Toy(database, clock).project_id, fence.job_id)
    assert [(one.id, one.deleted_at is None) for one in found] == [(born[0], False), (born[1], True)]
    assert foreign == ()
