"""A job that asks models holds on to them until it ends."""

import pytest

from store import models
from store.claims import Outcome
from store.errors import ModelDeleted, ModelNeeded, ModelNotFound
from store.lineage import Edge, lineage
from tests.store.conftest import FAILURE, Toy, blob


@pytest.fixture
def model(toy):
    return toy.finish(toy.running()).model_id


def delete(toy, model):
    with toy.writing() as session:
        models.delete(session, toy.project_id, model, now=toy.clock.time)


def test_a_claim_tells_the_file_of_each_model(toy, model):
    toy.submit(kind="predict", models=[model])
    claim = toy.claim()
    assert claim is not None
    assert claim.models == {model: blob().sha256}


def test_a_job_that_asks_none_is_told_none(toy):
    toy.submit()
    claim = toy.claim()
    assert claim is not None
    assert claim.models == {}


def test_a_model_cannot_be_deleted_until_the_last_job_on_it_has_ended(toy, model):
    waits = toy.submit(kind="evaluate", models=[model])
    runs = toy.claim().fence
    with pytest.raises(ModelNeeded, match=waits.id):
        delete(toy, model)
    toy.finish(runs, Outcome("failed", error=FAILURE))
    delete(toy, model)


@pytest.mark.parametrize(("gone", "error"), [(False, ModelNotFound), (True, ModelDeleted)])
def test_what_is_not_there_is_not_asked(toy, model, gone, error):
    if gone:
        delete(toy, model)
    with pytest.raises(error):
        toy.submit(kind="predict", models=[model if gone else "mdl_none"])


def test_a_strangers_model_is_an_unknown_one(database, clock, model):
    with pytest.raises(ModelNotFound):
        Toy(database, clock).submit(kind="predict", models=[model])


def test_lineage_leads_from_the_model_to_the_job(toy, model):
    job = toy.submit(kind="predict", models=[model])
    with toy.database.reading() as session:
        graph = lineage(session, toy.project_id, model)
    assert Edge(model, job.id, "reads") in graph.edges
