"""An ended job is asked for again by its id alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from store.claims import Outcome
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import FAILURE, Tenant, table

SAME = ("kind", "name", "spec", "warnings", "metadata")


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(table())["id"]


@pytest.fixture
def failed(tenant: Tenant, dataset: str) -> str:
    job: str = tenant.job(dataset, name="again", metadata={"team": "a"})["id"]
    tenant.finish(tenant.claim(job), Outcome("failed", error=FAILURE))
    return job


def retry(tenant: Tenant, job: str, **options):
    return tenant.client.post(f"/v1/jobs/{job}/retry", **options)


def test_a_retry_is_a_new_job_of_the_same_spec(tenant: Tenant, failed: str):
    first = tenant.client.get(f"/v1/jobs/{failed}").json()

    answer = retry(tenant, failed)

    again = answer.json()
    assert answer.status_code == 202
    assert (answer.headers["location"], answer.headers["retry-after"]) == (f"/v1/jobs/{again['id']}", "1")
    assert (again["status"], again["attempt"], again["error"], again["retried_from"]) == ("queued", 0, None, failed)
    assert {field: again[field] for field in SAME} == {field: first[field] for field in SAME}
    assert tenant.client.get(f"/v1/jobs/{failed}").json() == first | {"retried_from": None}
    assert tenant.client.get(f"/v1/jobs/{again['id']}").json() == again
    assert tenant.claim(again["id"]).spec == first["spec"]


def test_a_succeeded_job_may_be_done_again_and_its_model_stays(tenant: Tenant):
    model = store_model(tenant, listed(tenant.upload(typed_table())["id"]))
    job = tenant.client.get(f"/v1/models/{model}").json()["job"]

    again = retry(tenant, job).json()

    assert (again["model"], again["retried_from"]) == (None, job)
    assert tenant.client.get(f"/v1/jobs/{job}").json()["model"] == model
    graph = tenant.client.get(f"/v1/models/{model}/lineage").json()
    assert {"source": job, "target": again["id"], "relation": "retry"} in graph["edges"]


def test_an_unfinished_job_is_not_done_again(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)["id"]
    queued = retry(tenant, job)
    held = tenant.claim(job)
    running = retry(tenant, job)

    assert {(one.status_code, one.json()["code"]) for one in (queued, running)} == {(409, "job-not-ended")}
    tenant.finish(held, Outcome("failed", error=FAILURE))
    assert retry(tenant, job).status_code == 202


def test_a_retry_without_its_dataset_is_refused(tenant: Tenant, dataset: str, failed: str):
    tenant.client.delete(f"/v1/datasets/{dataset}").raise_for_status()
    before = tenant.service.footprint()

    answer = retry(tenant, failed, headers={"Idempotency-Key": "gone"})

    assert (answer.status_code, answer.json()["code"]) == (409, "dataset-deleted")
    assert tenant.service.footprint() == before


def test_a_transfer_is_done_again_without_the_rows_that_only_its_source_read(tenant: Tenant):
    old, new = (tenant.upload(typed_table(rows))["id"] for rows in (80, 60))
    source = store_model(tenant, listed(old))
    task = {"dataset": new, "target": "z", "exclude": ["y", "shop"]}
    job = tenant.submit({"kind": "transfer", "source": source, "task": task})["id"]
    tenant.client.post(f"/v1/jobs/{job}/cancel", json={}).raise_for_status()
    held = tenant.claim(retry(tenant, job).json()["id"])
    assert set(held.datasets) == {old, new}
    tenant.finish(held, Outcome("failed", error=FAILURE))
    tenant.client.delete(f"/v1/datasets/{old}").raise_for_status()

    again = retry(tenant, job).json()

    assert [warning["code"] for warning in again["warnings"]] == ["source-data-gone"]
    assert set(tenant.claim(again["id"]).datasets) == {new}


def test_many_at_once_with_one_key_are_one_retry(tenant: Tenant, failed: str):
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: retry(tenant, failed, headers={"Idempotency-Key": "r"}), range(4)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 3


def test_a_key_is_of_one_job(tenant: Tenant, failed: str):
    second = retry(tenant, failed, headers={"Idempotency-Key": "k"}).json()["id"]
    tenant.client.post(f"/v1/jobs/{second}/cancel").raise_for_status()

    third = retry(tenant, second, headers={"Idempotency-Key": "k"})

    assert (third.status_code, third.json()["retried_from"]) == (202, second)


def test_a_retry_changes_nothing_of_the_job(tenant: Tenant, failed: str):
    assert retry(tenant, failed, json={}).status_code == 202

    answer = retry(tenant, failed, json={"seed": 1})

    assert (answer.status_code, answer.json()["code"]) == (422, "extra-field")
    assert answer.json()["errors"][0]["pointer"] == "/seed"


def test_another_project_cannot_do_a_job_again(tenant: Tenant, stranger: Tenant, failed: str):
    assert retry(stranger, failed).status_code == 404
    assert retry(tenant, "job_unknown").status_code == 404
