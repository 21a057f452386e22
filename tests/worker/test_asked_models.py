"""The files of models that an attempt asks: whole, or the attempt does not begin."""

import queue

import pytest

from store import jobs, models
from store.ids import new_id
from worker.host import boot_seconds
from worker.runner import run_attempt


@pytest.fixture
def model(yard, artifacts):
    staged = artifacts.stage()
    staged.write_bytes(b"weights of a model")
    stored = artifacts.publish(staged)
    database = yard.bench.database
    with database.transaction() as session:
        return models.add(
            session,
            yard.project,
            now=database.now(session),
            id=new_id("model"),
            name="asked",
            kind="multitask",
            job_id=None,
            header={"adaptable": False},
            artifact=stored.sha256,
            bytes=stored.bytes,
        )


def run(yard, model):
    database = yard.bench.database
    with database.transaction() as session:
        job = jobs.add(
            session,
            yard.project,
            now=database.now(session),
            kind="predict",
            name="all",
            spec={"mode": "tell_its_models"},
            queue="quick",
            priority=0,
            metadata={},
            datasets=[],
            models=[model.id],
        )
    run_attempt(yard.bench, yard.claim(queue="quick"), queue.SimpleQueue(), claimed_at=boot_seconds())
    return yard.job(job.id)


def test_the_child_is_told_where_each_model_lies(yard, artifacts, model):
    job = run(yard, model)
    assert [log["message"] for log in yard.logs(job.id)] == [f"{model.id} {artifacts.path(model.artifact)}"]
    assert (job.status, job.error["code"]) == ("failed", "constant-target")


def test_a_file_that_is_not_the_models_own_is_given_to_nobody(yard, artifacts, model):
    path = artifacts.path(model.artifact)
    path.chmod(0o644)
    path.write_bytes(b"weights of a mOdel")
    job = run(yard, model)
    assert (job.status, job.error["code"], job.error["category"]) == ("failed", "artifact-missing", "server")
    assert yard.logs(job.id) == []
