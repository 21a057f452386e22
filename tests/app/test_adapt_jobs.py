"""Jobs that adapt: what is accepted, what is refused and where, and what the worker is given."""

import pytest

from store.claims import Outcome
from tests.app.attempted import run_job
from tests.app.meta_model import store_meta
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import FAILURE, Tenant

FIRST = {"age": 20.0, "region": "north", "member": True, "day": "2024-01-01"}
"""The features of the table's first row."""


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(typed_table())["id"]


@pytest.fixture
def model(tenant: Tenant, dataset: str) -> str:
    return store_model(tenant, listed(dataset))


def adapt(model: str, support: str, **fields):
    return {"kind": "adapt", "model": model, "support": support, "target": "y", **fields}


def refused(tenant: Tenant, spec):
    answer = tenant.client.post("/v1/jobs", json=spec)
    return answer.status_code, answer.json()["code"], answer.json()["errors"][0]["pointer"]


def test_an_adaptation_waits_in_the_quick_queue_with_its_model(tenant: Tenant, dataset: str, model: str):
    tenant.client.put("/v1/aliases/prod", json={"model": model}).raise_for_status()
    job = tenant.submit(adapt("prod", dataset))

    assert (job["kind"], job["spec"]["model"], job["spec"]["steps"]) == ("adapt", model, None)
    held = tenant.claim(job["id"], queue="quick")
    assert (set(held.models), set(held.datasets), set(held.bases)) == ({model}, {dataset}, set())
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_a_dry_run_resolves_every_default(tenant: Tenant, dataset: str, model: str):
    answer = tenant.client.post("/v1/jobs?dry_run=true", json=adapt(model, dataset)).json()
    assert answer["errors"] == []
    assert answer["spec"] == adapt(
        model, dataset, name=None, targets=None, task_key=None, steps=None, priority=0, metadata={}
    )


def test_what_does_not_suit_the_model_is_told_with_its_place(tenant: Tenant, dataset: str, model: str):
    other = tenant.upload(b"age,y\n1,2\n3,4\n")["id"]
    group = store_model(tenant, grouped(dataset))
    assert refused(tenant, adapt(model, dataset, target="w")) == (422, "target-not-found", "/target")
    assert refused(tenant, adapt(model, other)) == (422, "schema-mismatch", "/support")
    assert refused(tenant, adapt(model, dataset, task_key={"shop": "s9"})) == (422, "not-grouped", "/task_key")
    assert refused(tenant, adapt(group, dataset, task_key={"x": "1"})) == (422, "task-key-mismatch", "/task_key")
    assert refused(tenant, adapt(model, dataset, target=None)) == (422, "missing-field", "/target")
    several = adapt(group, dataset, target=None, targets=["y", "z"])
    assert refused(tenant, several) == (422, "missing-field", "/task_key")
    twice = adapt(group, dataset, target=None, targets=["y", "y"], task_key={"shop": "s9"})
    assert refused(tenant, twice) == (422, "duplicate-target", "/targets")
    assert refused(tenant, adapt(model, dataset, steps=3)) == (422, "no-steps", "/steps")
    assert refused(tenant, adapt(model, dataset, steps=0)) == (422, "out-of-range", "/steps")
    assert refused(tenant, adapt(model, "ds_0")) == (422, "dataset-not-found", "/support")
    assert refused(tenant, adapt("mdl_0", dataset)) == (422, "model-not-found", "/model")


def test_what_does_not_suit_a_meta_model_is_told_with_its_place(tenant: Tenant):
    few = tenant.upload(b"a,b,y\n" + b"".join(b"%d,%d,%s\n" % (i, i % 3, b"uv"[i % 2 : i % 2 + 1]) for i in range(8)))[
        "id"
    ]
    model = store_meta(tenant)
    assert refused(tenant, adapt(model, few, steps=1)) == (422, "no-steps", "/steps")
    several = adapt(model, few, target=None, targets=["y", "a"])
    assert refused(tenant, several) == (422, "too-many-targets", "/targets")
    assert refused(tenant, adapt(model, few, target="a")) == (422, "target-is-feature", "/target")


def test_a_model_without_one_trunk_is_refused(tenant: Tenant, dataset: str):
    soft = store_model(tenant, {**listed(dataset), "sharing": {"name": "soft"}})
    assert refused(tenant, adapt(soft, dataset)) == (409, "not-adaptable", "/model")


def test_a_job_that_asks_an_adapted_model_is_given_its_base_too(tenant: Tenant, dataset: str, model: str):
    row = {"age": 30.0, "region": "north", "member": True, "day": "2024-05-06"}
    rows = [{**row, "age": 20.0 + i, "y": float(i)} for i in range(8)]
    body = {"support": {"rows": rows}, "target": "y"}
    child = tenant.client.post(f"/v1/models/{model}/adaptations", json=body).json()["model"]["id"]

    job = tenant.submit({"kind": "predict", "model": child, "dataset": dataset})
    held = tenant.claim(job["id"], queue="quick")

    assert held.models.keys() == held.bases.keys() == {child}
    assert held.bases[child] == tenant.client.get(f"/v1/models/{model}").json()["sha256"]
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_its_fruit_is_a_child_with_a_card(tenant: Tenant, dataset: str, model: str):
    job = run_job(tenant, tenant.submit(adapt(model, dataset, name="again"))["id"], queue="quick")

    assert (job["status"], job["error"]) == ("succeeded", None)
    assert job["result"].keys() == {"tasks", "check", "rows", "seconds", "warnings", "test_predictions"}
    assert job["result"]["tasks"]["y"]["support_leave_one_out"] == job["result"]["check"]["support_leave_one_out"]
    child = tenant.client.get(f"/v1/models/{job['model']}").json()
    assert (child["kind"], child["name"], child["parents"], child["job"]) == ("adapt", "again", [model], job["id"])
    assert (child["adaptable"], [task["name"] for task in child["tasks"]]) == (True, ["y"])
    row = {"age": 30.0, "region": "north", "member": True, "day": "2024-05-06"}
    answer = tenant.client.post(f"/v1/models/{child['id']}/predictions", json={"rows": [row]})
    assert answer.json()["predictions"].keys() == {"y"}
    for accept in ("text/markdown", "application/json"):
        assert tenant.client.get(f"/v1/models/{child['id']}/card", headers={"Accept": accept}).status_code == 200
    tasks = tenant.client.get(f"/v1/jobs/{job['id']}/tasks").json()["data"]
    assert [task["name"] for task in tasks] == ["y"]


def test_a_batch_prediction_of_an_adapted_model_is_as_the_models_own(tenant: Tenant, dataset: str, model: str):
    child = tenant.client.post(
        f"/v1/models/{model}/adaptations", json={"support": dataset, "target": "y", "query": {"rows": [FIRST]}}
    ).json()
    job = run_job(
        tenant,
        tenant.submit({"kind": "predict", "model": child["model"]["id"], "dataset": dataset})["id"],
        queue="quick",
    )
    assert job["status"] == "succeeded", job["error"]
    first = tenant.client.get(f"/v1/datasets/{job['dataset']}/rows", params={"limit": 1}).json()["data"][0]
    assert first["predicted_y"] == pytest.approx(child["predictions"]["y"]["values"][0], rel=1e-4)
