"""Housekeeping takes what nobody needs and nothing else."""

import os
import time

import pytest

from store import datasets, idempotency, models
from store.claims import NewModel
from store.errors import ArtifactMissing
from store.idempotency import Request
from store.ids import new_id
from store.sweep import sweep


def published(artifacts, content):
    path = artifacts.stage()
    path.write_bytes(content)
    stored = artifacts.publish(path)
    then = time.time() - 10
    os.utime(artifacts.path(stored.sha256), (then, then))
    return stored


def dataset(toy, stored):
    with toy.writing() as session:
        return datasets.add(
            session,
            toy.project_id,
            now=toy.clock.time,
            id=new_id("dataset"),
            name=None,
            format="csv",
            bytes=1,
            sha256=stored.sha256,
            artifact=stored.sha256,
            description={},
        ).id


def test_the_bytes_of_a_dataset_go_with_the_last_dataset_that_has_them(toy, artifacts):
    stored = published(artifacts, b"rows")
    twins = [dataset(toy, stored), dataset(toy, stored)]
    for twin in twins:
        assert sweep(toy.database, artifacts, older_than_seconds=5) == []
        with toy.writing() as session:
            datasets.delete(session, toy.project_id, twin, now=toy.clock.time)
    assert sweep(toy.database, artifacts, older_than_seconds=5) == [stored.sha256]


def test_the_bytes_of_a_model_go_with_the_model(toy, artifacts):
    stored = published(artifacts, b"weights")
    model = NewModel(name=None, header={}, artifact=stored)
    toy.finish(toy.running(), toy.success(model=model))
    assert sweep(toy.database, artifacts, older_than_seconds=5) == []
    with toy.writing() as session:
        models.delete(session, toy.project_id, model.id, now=toy.clock.time)
    sweep(toy.database, artifacts, older_than_seconds=5)
    with pytest.raises(ArtifactMissing):
        artifacts.path(stored.sha256)


def test_the_folders_of_a_job_go_with_its_end(toy, artifacts):
    fence = toy.running()
    waiting = toy.submit().id
    for job_id in (fence.job_id, waiting):
        (artifacts.work(job_id, 1) / "part").write_bytes(b"x")
        (artifacts.checkpoints(job_id) / "1.safetensors").write_bytes(b"x")
    stranger = artifacts.work("not-a-job", 1)
    sweep(toy.database, artifacts)
    assert (artifacts.work(fence.job_id, 1) / "part").exists()
    toy.finish(fence)
    sweep(toy.database, artifacts)
    assert not (artifacts.root / "work" / fence.job_id).exists()
    assert not (artifacts.root / "checkpoints" / fence.job_id).exists()
    assert (artifacts.checkpoints(waiting) / "1.safetensors").exists()
    assert stranger.exists()


def test_expired_answers_are_forgotten(toy, artifacts):
    request = Request(toy.project_id, "POST", "/v1/jobs", "key")
    with toy.writing() as session:
        idempotency.reserve(session, request, now=toy.clock.time, fingerprint="f")
    toy.clock.advance(2 * 3600)
    sweep(toy.database, artifacts)
    with toy.database.reading() as session:
        assert idempotency.lookup(session, request, now=toy.clock.time.replace(year=2020), fingerprint="f") is None
