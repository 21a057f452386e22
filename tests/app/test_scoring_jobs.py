"""Jobs that ask stored models: what is accepted, what is refused, and what a queued one holds on to."""

import pytest

from store.claims import Outcome
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import FAILURE, Tenant, table


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(typed_table())["id"]


@pytest.fixture
def model(tenant: Tenant, dataset: str) -> str:
    return store_model(tenant, listed(dataset))


def predict(model: str, dataset: str, **fields):
    return {"kind": "predict", "model": model, "dataset": dataset, **fields}


def evaluate(dataset: str, *models: str):
    return {"kind": "evaluate", "models": list(models), "dataset": dataset}


def submit(tenant: Tenant, spec):
    return tenant.client.post("/v1/jobs", json=spec)


def test_a_prediction_waits_in_the_quick_queue_with_its_model(tenant: Tenant, dataset: str, model: str):
    job = tenant.submit(predict(model, dataset, name="nightly", metadata={"team": "a"}))

    assert (job["kind"], job["status"], job["model"], job["dataset"]) == ("predict", "queued", None, None)
    assert job["spec"] == predict(model, dataset, name="nightly", metadata={"team": "a"}, priority=0)
    held = tenant.claim(job["id"], queue="quick")
    assert held.models.keys() == {model}
    assert held.datasets.keys() == {dataset}
    assert tenant.service.artifacts.path(held.models[model]).is_file()
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_a_model_that_a_job_waits_for_cannot_be_deleted(tenant: Tenant, dataset: str, model: str):
    job = tenant.submit(predict(model, dataset))["id"]

    refused = tenant.client.delete(f"/v1/models/{model}")
    assert (refused.status_code, refused.json()["code"]) == (409, "model-in-use")
    assert job in refused.json()["detail"]

    tenant.client.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    assert tenant.client.delete(f"/v1/models/{model}").status_code == 204
    again = tenant.client.post(f"/v1/jobs/{job}/retry")
    assert (again.status_code, again.json()["code"]) == (409, "model-deleted")


def test_a_retry_asks_the_same_model(tenant: Tenant, dataset: str, model: str):
    job = tenant.submit(predict(model, dataset))["id"]
    tenant.client.post(f"/v1/jobs/{job}/cancel").raise_for_status()
    again = tenant.client.post(f"/v1/jobs/{job}/retry").json()["id"]
    held = tenant.claim(again, queue="quick")
    assert held.models.keys() == {model}
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_lineage_leads_from_a_model_to_the_jobs_that_asked_it(tenant: Tenant, dataset: str, model: str):
    job = tenant.submit(predict(model, dataset))["id"]
    graph = tenant.client.get(f"/v1/models/{model}/lineage").json()
    assert {"source": model, "target": job, "relation": "reads"} in graph["edges"]


def test_columns_that_the_model_reads_are_listed_when_they_are_not_there(tenant: Tenant, model: str):
    other = tenant.upload(b"age,region,member\nold,north,yes\nyoung,south,no\n")["id"]
    answer = submit(tenant, predict(model, other))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "feature-mismatch")
    assert problem["errors"][0]["pointer"] == "/dataset"
    assert "missing 'day'" in problem["detail"]
    assert "age (number there, category here)" in problem["detail"]


def test_a_grouped_model_reads_the_columns_of_its_groups(tenant: Tenant, dataset: str):
    asked = store_model(tenant, grouped(dataset))
    header = b"age,region,member,day\n"
    other = tenant.upload(header + b"".join(b"%d,north,yes,2024-01-%02d\n" % (i, i + 1) for i in range(9)))["id"]
    answer = submit(tenant, predict(asked, other))
    assert (answer.status_code, answer.json()["code"]) == (422, "feature-mismatch")
    assert "missing 'shop'" in answer.json()["detail"]


def test_a_dry_run_tells_the_same_and_stores_nothing(tenant: Tenant, dataset: str, model: str):
    fine = tenant.client.post("/v1/jobs", json=predict(model, dataset), params={"dry_run": "true"}).json()
    assert (fine["errors"], fine["spec"]["model"]) == ([], model)
    other = tenant.upload(table())["id"]
    odd = tenant.client.post("/v1/jobs", json=predict(model, other), params={"dry_run": "true"}).json()
    assert [(error["code"], error["pointer"]) for error in odd["errors"]] == [("feature-mismatch", "/dataset")]


def test_such_a_job_measures_no_task(tenant: Tenant, dataset: str, model: str):
    job = tenant.submit(predict(model, dataset))["id"]
    assert tenant.client.get(f"/v1/jobs/{job}/metrics").json()["data"] == []
    answer = tenant.client.get(f"/v1/jobs/{job}/metrics", params={"task": "y"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-task")


def test_an_evaluation_waits_with_all_its_models(tenant: Tenant, dataset: str, model: str):
    other = store_model(tenant, listed(dataset), factor=0.5)
    job = tenant.submit(evaluate(dataset, model, other))
    assert job["spec"]["models"] == [model, other]
    held = tenant.claim(job["id"], queue="quick")
    assert held.models.keys() == {model, other}
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_a_grouped_model_and_a_listed_one_share_the_target_of_one_name(tenant: Tenant, dataset: str, model: str):
    asked = evaluate(dataset, model, store_model(tenant, grouped(dataset)))
    answer = tenant.client.post("/v1/jobs", json=asked, params={"dry_run": "true"}).json()
    assert answer["errors"] == []
    assert [(warning["code"], "'z'" in warning["detail"]) for warning in answer["warnings"]] == [
        ("tasks-left-out", True)
    ]
