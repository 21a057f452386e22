"""Jobs with ``init`` over HTTP: what they are resolved to, what they hold on to, and what is said of their source."""

import pytest

from store.claims import NewModel, Outcome
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import Tenant


@pytest.fixture
def source(tenant: Tenant) -> tuple[str, str]:
    """``(model, its dataset)``."""
    dataset = tenant.upload(typed_table())["id"]
    return store_model(tenant, listed(dataset)), dataset


@pytest.fixture
def target(tenant: Tenant) -> str:
    return str(tenant.upload(typed_table(60))["id"])


def spec(source, dataset, **fields):
    body = listed(dataset)
    body.pop("network")
    return {**body, "init": source, **fields}


def check(tenant, body):
    answer = tenant.client.post("/v1/jobs", params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("alias", ["small-prod", None], ids=["alias", "id"])
def test_the_resolved_spec_names_the_model_its_network_and_its_features(tenant, source, target, alias):
    if alias:
        tenant.client.put(f"/v1/aliases/{alias}", json={"model": source[0]}).raise_for_status()
    told = check(tenant, spec(alias or source[0], target))
    assert told["errors"] == []
    assert told["spec"]["init"] == source[0]
    assert told["spec"]["network"]["widths"] == [8]
    assert [task["features"] for task in told["spec"]["tasks"]] == [["age", "region", "member", "day"]] * 2


def test_without_it_the_spec_says_null(tenant, target):
    assert check(tenant, listed(target))["spec"]["init"] is None


def test_a_task_that_the_source_has_not_is_told(tenant, source, target):
    body = spec(source[0], target)
    body["tasks"] = [{"name": "other", "dataset": target, "target": "z", "exclude": ["y", "shop"]}]
    assert [(one["code"], one["pointer"]) for one in check(tenant, body)["warnings"]] == [("new-heads", "/init")]


def test_on_the_sources_own_rows_the_split_must_be_one_that_keeps_them_apart(tenant, source):
    model, dataset = source
    warned = check(tenant, spec(model, dataset))["warnings"]
    assert [(one["code"], one["pointer"]) for one in warned] == [("source-may-know-test-rows", "/init")]
    task = {"dataset": dataset, "target": "z", "exclude": ["y", "shop"]}
    moved = check(tenant, {"kind": "transfer", "source": model, "task": task})["warnings"]
    assert [(one["code"], one["pointer"]) for one in moved] == [("source-may-know-test-rows", "/source")]


def test_its_worker_gets_the_source_which_is_the_parent_of_its_model(tenant, source, target):
    model, _ = source
    job = tenant.submit(spec(model, target))
    refused = tenant.client.delete(f"/v1/models/{model}")
    held = tenant.claim(job["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "model-in-use")
    assert (set(held.models), set(held.datasets)) == ({model}, {target})

    path = tenant.service.artifacts.stage()
    path.write_bytes(b"weights")
    public = {"tasks": [], "inputs": [], "group_by": [], "network": {}, "method": {}, "adaptable": False}
    artifact = tenant.service.artifacts.publish(path)
    child = NewModel(name=None, header=public, artifact=artifact, parents=tuple(held.models))
    tenant.finish(held, Outcome("succeeded", model=child))
    lineage = tenant.client.get(f"/v1/models/{child.id}/lineage").json()
    assert {"source": model, "target": child.id, "relation": "parent"} in lineage["edges"]
    assert tenant.client.get(f"/v1/models/{child.id}").json()["parents"] == [model]

    again = tenant.client.post(f"/v1/jobs/{job['id']}/replay").json()
    assert set(tenant.claim(again["id"]).models) == {model, child.id}
