"""A replay is asked for by the id of a job that succeeded with a model; its fruit is a result."""

import pytest

from store.claims import NewModel, Outcome
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import FAILURE, Tenant

ENVIRONMENT = {"version": "0.1.0", "torch": "2.13.0", "device": "cpu", "threads": 1}
RESULT = {"reproduced": True, "max_abs_difference": 0.0, "warnings": [], "seconds": {"total": 0.1}}


@pytest.fixture
def trained(tenant: Tenant) -> tuple[str, str, str]:
    """``(job, model, dataset)``."""
    dataset = tenant.upload(typed_table())["id"]
    model = store_model(tenant, {**listed(dataset), "metadata": {"team": "a"}})
    return tenant.client.get(f"/v1/models/{model}").json()["job"], model, dataset


def replay(tenant: Tenant, job: str, **options):
    return tenant.client.post(f"/v1/jobs/{job}/replay", **options)


def test_a_replay_is_a_job_of_its_own_that_holds_the_record(tenant, trained):
    job, model, dataset = trained
    first = tenant.client.get(f"/v1/jobs/{job}").json()

    answer = replay(tenant, job)

    again = answer.json()
    assert answer.status_code == 202
    assert (answer.headers["location"], answer.headers["retry-after"]) == (f"/v1/jobs/{again['id']}", "1")
    assert (again["kind"], again["status"], again["name"], again["metadata"]) == (
        "replay",
        "queued",
        "small",
        {"team": "a"},
    )
    spec = again["spec"]
    assert (spec["job"], spec["model"], spec["spec"], spec["environment"]) == (
        job,
        model,
        first["spec"],
        first["environment"],
    )
    held = tenant.claim(again["id"])
    assert (held.kind, set(held.datasets), set(held.models)) == ("replay", {dataset}, {model})


def test_it_succeeds_with_a_result_and_neither_model_nor_dataset(tenant, trained):
    job, model, _ = trained
    again = replay(tenant, job).json()["id"]
    held = tenant.claim(again)
    tenant.report(held, environment=ENVIRONMENT)
    tenant.finish(held, Outcome("succeeded", result=RESULT))

    told = tenant.client.get(f"/v1/jobs/{again}").json()
    assert (told["status"], told["model"], told["dataset"], told["result"]) == ("succeeded", None, None, RESULT)
    assert told["environment"] == ENVIRONMENT
    kept = tenant.client.get("/v1/jobs", params={"kind": "replay"}).json()["data"]
    assert [one["id"] for one in kept] == [again]
    graph = tenant.client.get(f"/v1/models/{model}/lineage").json()
    assert {"source": model, "target": again, "relation": "reads"} in graph["edges"]
    assert tenant.client.get(f"/v1/jobs/{again}/metrics", params={"task": "y"}).json()["data"] == []
    assert tenant.client.get(f"/v1/jobs/{again}/tasks").json()["data"] == []


def test_of_a_transfer_it_reads_the_source_and_the_result(tenant, trained):
    _, source, dataset = trained
    target = tenant.upload(typed_table(60))["id"]
    spec = {
        "kind": "transfer",
        "source": source,
        "task": {"dataset": target, "target": "z", "exclude": ["y", "shop"]},
        "method": {"name": "linear_probe"},
    }
    held = tenant.claim(tenant.submit(spec)["id"])
    assert set(held.datasets) == {dataset, target}
    path = tenant.service.artifacts.stage()
    path.write_bytes(b"weights")
    public = {"tasks": [], "inputs": [], "group_by": [], "network": {}, "method": {}, "adaptable": False}
    child = NewModel(name=None, header=public, artifact=tenant.service.artifacts.publish(path), parents=(source,))
    tenant.finish(held, Outcome("succeeded", model=child))

    again = tenant.claim(replay(tenant, held.fence.job_id).json()["id"])
    assert (set(again.datasets), set(again.models)) == ({target}, {source, child.id})


def test_a_job_that_has_not_ended_or_has_no_model_has_nothing_to_replay(tenant, trained):
    job = tenant.job(trained[2], tasks=listed(trained[2])["tasks"])["id"]
    queued = replay(tenant, job)
    tenant.finish(tenant.claim(job), Outcome("failed", error=FAILURE))
    failed = replay(tenant, job)
    asked = tenant.submit({"kind": "predict", "model": trained[1], "dataset": trained[2]})["id"]
    tenant.client.post(f"/v1/jobs/{asked}/cancel").raise_for_status()
    other = replay(tenant, asked)

    assert (queued.status_code, queued.json()["code"]) == (409, "job-not-ended")
    assert (failed.status_code, failed.json()["code"]) == (409, "nothing-to-replay")
    assert "failed" in failed.json()["detail"]
    assert (other.status_code, other.json()["code"]) == (409, "nothing-to-replay")
    assert "predict" in other.json()["detail"]


@pytest.mark.parametrize("gone", ["models", "datasets"])
def test_what_it_needs_must_still_be_there(tenant, trained, gone):
    job, model, dataset = trained
    key = model if gone == "models" else dataset
    tenant.client.delete(f"/v1/{gone}/{key}").raise_for_status()
    before = tenant.service.footprint()

    answer = replay(tenant, job, headers={"Idempotency-Key": f"gone-{gone}"})

    assert (answer.status_code, answer.json()["code"]) == (409, f"{gone.removesuffix('s')}-deleted")
    assert tenant.service.footprint() == before


def test_until_it_has_ended_its_model_stays(tenant, trained):
    job, model, _ = trained
    again = replay(tenant, job).json()["id"]
    refused = tenant.client.delete(f"/v1/models/{model}")
    tenant.client.post(f"/v1/jobs/{again}/cancel").raise_for_status()

    assert (refused.status_code, refused.json()["code"]) == (409, "model-in-use")
    assert tenant.client.delete(f"/v1/models/{model}").status_code == 204


def test_a_key_gives_one_replay_and_takes_no_fields(tenant, trained):
    first, second = (replay(tenant, trained[0], headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotency-replayed"] == "true"

    refused = replay(tenant, trained[0], json={"seed": 1})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/seed")


def test_a_replay_may_be_retried_but_not_replayed(tenant, trained):
    again = replay(tenant, trained[0]).json()["id"]
    tenant.client.post(f"/v1/jobs/{again}/cancel").raise_for_status()

    retried = tenant.client.post(f"/v1/jobs/{again}/retry").json()

    assert (retried["kind"], retried["retried_from"]) == ("replay", again)
    assert set(tenant.claim(retried["id"]).models) == {trained[1]}
    assert replay(tenant, again).json()["code"] == "nothing-to-replay"


def test_a_stranger_replays_nothing_and_nobody_submits_one(tenant, stranger, trained):
    assert replay(stranger, trained[0]).status_code == 404
    assert replay(tenant, "job_unknown").status_code == 404
    answer = tenant.client.post("/v1/jobs", json={"kind": "replay", "job": trained[0]})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-value")
