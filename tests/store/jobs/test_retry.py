"""An ended job can be done again: the same work as a job of its own, on datasets that are still there."""

import pytest

from store import datasets, jobs, models
from store.claims import Outcome
from store.errors import DatasetDeleted, JobNotEnded, ModelDeleted, NotFound
from store.lineage import Edge, lineage
from tests.store.conftest import FAILURE, Toy


def retry(toy, job_id):
    with toy.writing() as session:
        return jobs.retry(session, toy.project_id, job_id, now=toy.clock.time)


@pytest.fixture
def failed(toy):
    dataset = toy.dataset()
    warnings = [{"code": "batch-size-clamped", "detail": "…", "pointer": None}]
    asked = {"spec": {"seed": 7}, "priority": 3, "metadata": {"team": "a"}, "datasets": [dataset], "warnings": warnings}
    fence = toy.running(**asked)
    toy.finish(fence, Outcome("failed", error=FAILURE))
    return toy.job(fence.job_id), dataset


def test_a_retry_asks_for_the_same_and_says_of_what(toy, failed):
    first, dataset = failed
    toy.clock.advance(60)
    again = retry(toy, first.id)
    same = ("kind", "name", "queue", "priority", "spec", "warnings", "metadata")
    assert [getattr(again, field) for field in same] == [getattr(first, field) for field in same]
    assert (again.status, again.attempt, again.error, again.started_at) == ("queued", 0, None, None)
    assert (again.retried_from, first.retried_from, again.created_at) == (first.id, None, toy.clock.time)
    assert toy.job(first.id) == first
    claim = toy.claim()
    assert claim is not None
    assert (claim.fence.job_id, set(claim.datasets)) == (again.id, {dataset})


@pytest.mark.parametrize("ending", ["succeeded", "cancelled"])
def test_every_end_can_be_followed_by_a_retry(toy, ending):
    fence = toy.running()
    if ending == "cancelled":
        toy.cancel(fence.job_id)
    toy.finish(fence)
    assert retry(toy, fence.job_id).retried_from == fence.job_id


def test_a_retry_of_a_retry_is_of_that_one(toy, failed):
    second = retry(toy, failed[0].id)
    toy.cancel(second.id)
    assert retry(toy, second.id).retried_from == second.id


def test_a_job_that_has_not_ended_is_not_done_again(toy):
    waiting = toy.submit()
    with pytest.raises(JobNotEnded, match="queued"):
        retry(toy, waiting.id)
    assert toy.claim() is not None
    with pytest.raises(JobNotEnded, match="running"):
        retry(toy, waiting.id)
    toy.cancel(waiting.id)
    with pytest.raises(JobNotEnded, match="cancelling"):
        retry(toy, waiting.id)


def test_a_deleted_dataset_cannot_be_read_again(toy, failed):
    first, dataset = failed
    with toy.writing() as session:
        datasets.delete(session, toy.project_id, dataset, now=toy.clock.time)
    with pytest.raises(DatasetDeleted):
        retry(toy, first.id)
    assert toy.claim() is None


def test_a_retry_asks_the_same_model_which_must_still_be_there(toy):
    trained = toy.running()
    model = toy.finish(trained).model_id
    asked = toy.submit(kind="evaluate", models=[model])
    toy.cancel(asked.id)
    toy.cancel(retry(toy, asked.id).id)
    with toy.writing() as session:
        models.delete(session, toy.project_id, model, now=toy.clock.time)
    with pytest.raises(ModelDeleted):
        retry(toy, asked.id)


def test_a_foreign_job_is_not_there(toy, failed, database, clock):
    with pytest.raises(NotFound):
        retry(Toy(database, clock), failed[0].id)


def test_the_retry_keeps_its_dataset_while_it_waits_and_stands_in_the_lineage(toy, failed):
    first, dataset = failed
    again = retry(toy, first.id)
    with toy.database.reading() as session:
        graph = lineage(session, toy.project_id, dataset)
        upwards = lineage(session, toy.project_id, again.id)
    edges = {Edge(dataset, first.id, "reads"), Edge(dataset, again.id, "reads"), Edge(first.id, again.id, "retry")}
    assert set(graph.edges) == edges
    assert set(upwards.edges) == edges
