"""Adapted models: small rows on the shoulders of a base, which may go before them, and an end of their own."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from store import aliases, models
from store.claims import NewModel
from store.errors import ModelDeleted, NotFound
from store.ids import new_id
from store.sweep import sweep
from store.tables import ModelRow
from tests.store.test_models import get, page
from tests.store.test_sweep import published

BASE: dict[str, Any] = {
    "tasks": [{"name": "demand", "type": "regression", "metrics": {}}],
    "inputs": [{"name": "shop", "type": "category"}, {"name": "price", "type": "number"}],
    "group_by": ["shop"],
    "network": {"name": "linear"},
    "method": {"sharing": {"name": "hard"}},
    "adaptable": True,
}
OWN = {"tasks": [{"name": "sales", "type": "regression", "metrics": {}}], "adaptable": True}


def base(toy, stored):
    return toy.finish(toy.running(), toy.success(model=NewModel(name="base", header=BASE, artifact=stored))).model_id


def adapted(toy, base_id, stored, *, seconds=None, header=OWN):
    with toy.writing() as session:
        return models.add(
            session,
            toy.project_id,
            now=toy.clock.time,
            id=new_id("model"),
            name="tenant-42",
            kind="adapt",
            job_id=None,
            header=header,
            artifact=stored.sha256,
            bytes=stored.bytes,
            parents=[base_id],
            base_id=base_id,
            expires_at=None if seconds is None else toy.clock.time + timedelta(seconds=seconds),
        )


@pytest.fixture
def root(toy, artifacts):
    return base(toy, published(artifacts, b"whole"))


def test_a_child_tells_its_own_tasks_and_the_rest_in_the_words_of_its_base(toy, artifacts, root):
    child = adapted(toy, root, published(artifacts, b"delta"))
    assert child == get(toy, child.id)
    assert child.header["tasks"] == OWN["tasks"]
    assert child.header["inputs"] == [{"name": "price", "type": "number"}]
    assert (child.header["network"], child.header["method"]) == (BASE["network"], BASE["method"])
    assert (child.base.id, child.parents) == (root, (root,))
    assert [model.header for model in page(toy).items] == [child.header, BASE]


def test_a_childs_row_is_small(toy, artifacts, root):
    child = adapted(toy, root, published(artifacts, b"delta"))
    with toy.database.reading() as session:
        row = session.execute(select(ModelRow.__table__).where(ModelRow.id == child.id)).one()
    assert len(json.dumps([str(value) for value in row])) < 700


def test_the_bytes_of_a_deleted_base_stay_as_long_as_a_child_lives(toy, artifacts, root):
    whole = get(toy, root).artifact
    child = adapted(toy, root, published(artifacts, b"delta"))
    with toy.writing() as session:
        models.delete(session, toy.project_id, root, now=toy.clock.time)
    assert sweep(toy.database, artifacts, older_than_seconds=5) == []
    assert get(toy, child.id).base.artifact == whole
    with toy.writing() as session:
        models.delete(session, toy.project_id, child.id, now=toy.clock.time)
    assert set(sweep(toy.database, artifacts, older_than_seconds=5)) == {whole, child.artifact}


def test_a_model_is_nowhere_once_its_time_has_come(toy, artifacts, root):
    child = adapted(toy, root, published(artifacts, b"delta"), seconds=60)
    toy.clock.advance(59)
    assert get(toy, child.id).expires_at == child.expires_at
    toy.clock.advance(1)
    with pytest.raises(NotFound):
        get(toy, child.id)
    assert [model.id for model in page(toy).items] == [root]
    with toy.writing() as session:
        with pytest.raises(NotFound):
            models.delete(session, toy.project_id, child.id, now=toy.clock.time)
        with pytest.raises(ModelDeleted):
            aliases.move(session, toy.project_id, "prod", now=toy.clock.time, model_id=child.id)
    with toy.database.reading() as session:
        nodes = {node.id: node.deleted for node in models.lineage(session, toy.project_id, root).nodes}
    assert nodes[child.id]
    assert not nodes[root]


def test_the_sweep_buries_what_has_expired_and_takes_its_bytes(toy, artifacts, root):
    child = adapted(toy, root, published(artifacts, b"delta"), seconds=60)
    assert sweep(toy.database, artifacts, older_than_seconds=5) == []
    toy.clock.advance(61)
    assert sweep(toy.database, artifacts, older_than_seconds=5) == [child.artifact]
    with toy.database.reading() as session:
        assert session.scalar(select(ModelRow.deleted_at).where(ModelRow.id == child.id)) == toy.clock.time


def test_a_job_that_asks_a_model_outlives_its_time(toy, artifacts, root):
    child = adapted(toy, root, published(artifacts, b"delta"), seconds=60)
    job = toy.submit(models=[child.id])
    toy.clock.advance(61)
    assert sweep(toy.database, artifacts, older_than_seconds=5) == []
    claim = toy.claim()
    assert (claim.fence.job_id, claim.models) == (job.id, {child.id: child.artifact})
    assert claim.bases == {child.id: get(toy, root).artifact}
    with pytest.raises(ModelDeleted):
        toy.submit(models=[child.id])


def test_a_child_that_adds_a_group_has_the_tasks_of_its_base_too(toy, artifacts, root):
    added = {"name": "shop=401/demand", "type": "regression", "metrics": {}}
    child = adapted(toy, root, published(artifacts, b"delta"), header={"added_tasks": [added], "adaptable": True})
    assert child.header["tasks"] == [BASE["tasks"][0], added]
    assert {name: told for name, told in child.header.items() if name != "tasks"} == {
        name: told for name, told in BASE.items() if name != "tasks"
    }
