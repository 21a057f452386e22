"""Transfer jobs over HTTP: what they are resolved to, what they hold on to, and what is left of their source."""

import pytest

from learning.registry import registry
from store.claims import NewModel, Outcome
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import Tenant


@pytest.fixture
def source(tenant: Tenant):
    """``(model, its dataset)``."""
    dataset = tenant.upload(typed_table())["id"]
    return store_model(tenant, listed(dataset)), dataset


@pytest.fixture
def target(tenant: Tenant):
    return tenant.upload(typed_table(60))["id"]


def spec(source, dataset, **fields):
    task = {"dataset": dataset, "target": "z", "exclude": ["y", "shop"]}
    return {"kind": "transfer", "source": source, "task": task, **fields}


def check(tenant, body):
    answer = tenant.client.post("/v1/jobs", params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("method", registry().names("transfer"))
def test_every_method_is_taken_by_its_name_with_its_defaults(tenant, source, target, method):
    told = check(tenant, spec(source[0], target, method={"name": method}))
    assert told["errors"] == told["warnings"] == []
    assert told["spec"]["method"] == registry().spec("transfer", method)().model_dump(mode="json")
    assert told["spec"]["task"]["features"] == ["age", "region", "member", "day"]
    assert told["spec"]["task"]["type"] == "binary"


@pytest.mark.parametrize("alias", ["digits", "d" * 200], ids=["short", "longest"])
def test_an_alias_is_the_model_that_it_points_to_at_the_submission(tenant, source, target, alias):
    tenant.client.put(f"/v1/aliases/{alias}", json={"model": source[0]}).raise_for_status()
    assert check(tenant, spec(alias, target))["spec"]["source"] == source[0]
    asked = check(tenant, {"kind": "predict", "model": alias, "dataset": target})
    assert asked["spec"]["model"] == source[0]


def test_until_it_has_ended_nothing_that_it_reads_is_deleted(tenant, source, target):
    model, dataset = source
    tenant.submit(spec(model, target))
    codes = [
        (answer.status_code, answer.json()["code"])
        for answer in (
            tenant.client.delete(path)
            for path in (f"/v1/models/{model}", f"/v1/datasets/{dataset}", f"/v1/datasets/{target}")
        )
    ]
    assert codes == [(409, "model-in-use"), (409, "dataset-in-use"), (409, "dataset-in-use")]


def test_without_the_sources_dataset_it_runs_and_says_what_cannot_be_told(tenant, source, target):
    tenant.client.delete(f"/v1/datasets/{source[1]}").raise_for_status()
    job = tenant.submit(spec(source[0], target))
    assert [(warning["code"], warning["pointer"]) for warning in job["warnings"]] == [("source-data-gone", "/source")]
    assert set(tenant.claim(job["id"]).datasets) == {target}


def test_of_a_cross_validated_source_it_says_that_forgetting_cannot_be_told(tenant, source, target):
    crossed = store_model(tenant, {**listed(source[1]), "split": {"folds": 4}})
    job = tenant.submit(spec(crossed, target))
    assert [(told["code"], told["pointer"]) for told in job["warnings"]] == [("source-cross-validated", "/source")]
    assert set(tenant.claim(job["id"]).datasets) == {target}


def test_the_worker_gets_the_sources_file_and_its_datasets(tenant, source, target):
    job = tenant.submit(spec(source[0], target))
    held = tenant.claim(job["id"])
    assert set(held.datasets) == {source[1], target}
    assert set(held.models) == {source[0]}


def test_the_lineage_shows_parent_and_child_also_when_the_parent_is_deleted(tenant, source, target):
    model, _ = source
    held = tenant.claim(tenant.submit(spec(model, target))["id"])
    artifact = tenant.service.artifacts.publish(_some_file(tenant))
    public = {
        "tasks": [],
        "inputs": [],
        "group_by": [],
        "network": {},
        "method": {"name": "finetune"},
        "adaptable": False,
    }
    child = NewModel(name=None, header=public, artifact=artifact, parents=(model,))
    tenant.finish(held, Outcome("succeeded", model=child))
    tenant.client.delete(f"/v1/models/{model}").raise_for_status()

    told = tenant.client.get(f"/v1/models/{child.id}").json()
    assert (told["kind"], told["parents"]) == ("transfer", [model])
    lineage = tenant.client.get(f"/v1/models/{child.id}/lineage").json()
    assert next(node for node in lineage["nodes"] if node["id"] == model)["deleted"]
    assert {"source": model, "target": child.id, "relation": "parent"} in lineage["edges"]


def test_its_series_are_the_jobs_own_also_under_its_tasks_name(tenant, source, target):
    job = tenant.submit(spec(source[0], target))
    assert tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"task": "z"}).status_code == 200
    assert tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"task": "q"}).status_code == 422


def _some_file(tenant):
    path = tenant.service.artifacts.stage()
    path.write_bytes(b"weights")
    return path
