"""A job that is accepted is stored once and can be followed to its end."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from time import monotonic
from typing import Any

import pytest

from learning.specs import MAX_TASK_NAME_BYTES
from store import claims
from store.claims import Outcome
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import FAILURE, Tenant, spec, table
from tests.app.waiting import until

KEYS = {
    "id", "object", "kind", "name", "status", "attempt", "queue_position", "spec", "environment", "created_at", "started_at",
    "finished_at", "updated_at", "progress", "model", "dataset", "result", "error", "warnings", "metadata",
    "retried_from",
}  # fmt: skip
NO_PROGRESS: dict[str, Any] = {
    "fraction": 0.0, "phase": None, "epoch": None, "epochs": None, "step": None, "eta_seconds": None, "metrics": {},
}  # fmt: skip


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(table())["id"]


def test_an_accepted_job_has_every_default_and_a_place(tenant: Tenant, dataset: str):
    answer = tenant.client.post("/v1/jobs", json=spec(dataset, name="first", metadata={"team": "a"}))

    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["retry-after"] == "1"
    assert job.keys() == KEYS
    assert (job["object"], job["kind"], job["name"], job["status"]) == ("job", "multitask", "first", "queued")
    assert (job["attempt"], job["progress"], job["metadata"]) == (0, NO_PROGRESS, {"team": "a"})
    assert job["queue_position"] >= 1
    assert [job[name] for name in ("model", "dataset", "result", "error", "environment", "retried_from")] == [None] * 6
    assert job["spec"]["training"]["learning_rate"] == 0.001
    assert [task["type"] for task in job["spec"]["tasks"]] == ["regression", "binary"]
    assert tenant.client.get(f"/v1/jobs/{job['id']}").json() == job


def test_a_dry_run_resolves_everything_and_stores_nothing(tenant: Tenant, dataset: str):
    before = tenant.service.footprint()

    answer = tenant.client.post(
        "/v1/jobs", params={"dry_run": True}, json=spec(dataset, training={"batch_size": 10_000})
    )

    assert answer.status_code == 200
    dry = answer.json()
    assert dry.keys() == {"spec", "errors", "warnings"}
    assert dry["spec"]["network"]["name"] == "mlp"
    assert dry["errors"] == []
    assert "batch-size-clamped" in {warning["code"] for warning in dry["warnings"]}
    assert tenant.service.footprint() == before


def test_a_job_carries_the_warnings_of_its_check(tenant: Tenant, dataset: str):
    wish = spec(dataset, training={"batch_size": 10_000})
    told = tenant.client.post("/v1/jobs", params={"dry_run": True}, json=wish).json()["warnings"]

    job = tenant.submit(wish, **{"Idempotency-Key": "warned"})

    assert {warning["code"] for warning in told} == {"batch-size-clamped"}
    assert told[0].keys() == {"code", "detail", "pointer"}
    assert job["warnings"] == told
    assert tenant.submit(wish, **{"Idempotency-Key": "warned"})["warnings"] == told
    assert tenant.client.get(f"/v1/jobs/{job['id']}").json()["warnings"] == told
    assert tenant.client.get("/v1/jobs").json()["data"][0]["warnings"] == told
    assert tenant.job(dataset)["warnings"] == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"training": {"epochs": 0}}, "/training/epochs"), ({"split": {"column": "absent"}}, "/split/column")],
)
def test_a_dry_run_says_what_is_wrong_with_a_good_answer(tenant: Tenant, dataset: str, change, pointer):
    answer = tenant.client.post("/v1/jobs", params={"dry_run": True}, json=spec(dataset, **change))

    assert answer.status_code == 200
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


def test_a_misspelt_dry_run_is_not_a_job(tenant: Tenant, dataset: str):
    before = tenant.service.footprint()

    answer = tenant.client.post("/v1/jobs", params={"dryrun": True}, json=spec(dataset))

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-parameter")
    assert tenant.service.footprint() == before


def test_the_same_key_is_the_same_job(tenant: Tenant, dataset: str):
    headers = {"Idempotency-Key": "job-1"}
    first = tenant.client.post("/v1/jobs", json=spec(dataset), headers=headers)

    again = tenant.client.post("/v1/jobs", json=dict(reversed(spec(dataset).items())), headers=headers)

    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]


def test_a_replay_outlives_the_dataset(tenant: Tenant, dataset: str):
    headers = {"Idempotency-Key": "job-2"}
    first = tenant.client.post("/v1/jobs", json=spec(dataset), headers=headers).json()
    tenant.client.post(f"/v1/jobs/{first['id']}/cancel").raise_for_status()
    tenant.client.delete(f"/v1/datasets/{dataset}").raise_for_status()

    again = tenant.client.post("/v1/jobs", json=spec(dataset), headers=headers)

    assert again.json() == first


def test_many_at_once_with_one_key_are_one_job(tenant: Tenant, dataset: str):
    headers = {"Idempotency-Key": "job-3"}

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: tenant.client.post("/v1/jobs", json=spec(dataset), headers=headers), range(8))
        )

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(tenant.client.get("/v1/jobs").json()["data"]) == 1


def test_lists_are_filtered_by_all_that_a_job_shows(tenant: Tenant, dataset: str):
    first = tenant.job(dataset, name="one", metadata={"team": "a", "run": "1"})
    second = tenant.job(dataset, name="two", metadata={"team": "b"})
    tenant.client.post(f"/v1/jobs/{second['id']}/cancel").raise_for_status()

    def found(**params: str) -> list[str]:
        return [job["id"] for job in tenant.client.get("/v1/jobs", params=params).json()["data"]]

    assert found() == [second["id"], first["id"]]
    assert found(name="one") == [first["id"]]
    assert found(status="cancelled") == [second["id"]]
    assert found(kind="multitask", status="queued") == [first["id"]]
    assert found(kind="transfer") == []
    assert found(**{"metadata[team]": "a", "metadata[run]": "1"}) == [first["id"]]
    assert found(**{"metadata[team]": "b", "metadata[run]": "1"}) == []
    assert found(created_after=first["created_at"]) == [second["id"]]
    assert found(after=second["id"]) == [first["id"]]


def test_a_running_job_shows_its_progress(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    held = tenant.claim(job["id"])
    progress = {"fraction": 0.5, "phase": "training", "epoch": 1, "epochs": 2}
    tenant.report(held, progress=progress, environment={"torch": "2.13.0"})

    answer = tenant.client.get(f"/v1/jobs/{job['id']}")

    shown = answer.json()
    assert (shown["status"], shown["attempt"], shown["queue_position"]) == ("running", 1, None)
    assert (shown["progress"], shown["environment"]) == (NO_PROGRESS | progress, {"torch": "2.13.0"})
    assert shown["started_at"] is not None
    assert answer.headers["retry-after"] == "1"


def test_a_wait_ends_at_the_next_change(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)

    with ThreadPoolExecutor(1) as pool:
        held = tenant.claim(job["id"])
        waiting = pool.submit(tenant.client.get, f"/v1/jobs/{job['id']}", params={"wait": 60})

        def changed() -> bool:
            tenant.report(held, progress={"fraction": 0.5})
            return waiting.done()

        until(changed, seconds=20)  # again and again, for nobody can see when the server has begun to wait

    assert (waiting.result().status_code, waiting.result().json()["progress"]["fraction"]) == (200, 0.5)


def test_a_wait_without_change_ends_at_its_deadline(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)

    answer = tenant.client.get(f"/v1/jobs/{job['id']}", params={"wait": 0.2})

    assert (answer.status_code, answer.json()["status"]) == (200, "queued")


def test_a_finished_job_is_not_waited_for(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    tenant.client.post(f"/v1/jobs/{job['id']}/cancel").raise_for_status()

    answer = tenant.client.get(f"/v1/jobs/{job['id']}", params={"wait": 60}, timeout=10)

    assert answer.json()["status"] == "cancelled"
    assert "retry-after" not in answer.headers


def test_forty_waiting_requests_do_not_stop_the_others(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)

    with ThreadPoolExecutor(45) as pool:
        waiting = [pool.submit(tenant.client.get, f"/v1/jobs/{job['id']}", params={"wait": 20}) for _ in range(45)]
        assert tenant.client.get("/v1/jobs", timeout=10).status_code == 200
        tenant.client.post(f"/v1/jobs/{job['id']}/cancel", timeout=10).raise_for_status()
        statuses = {one.result(timeout=20).json()["status"] for one in waiting}

    assert statuses == {"cancelled"}


def test_a_failed_job_says_why(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    tenant.finish(tenant.claim(job["id"]), Outcome("failed", error=FAILURE))

    shown = tenant.client.get(f"/v1/jobs/{job['id']}").json()

    assert (shown["status"], shown["error"], shown["model"]) == ("failed", FAILURE, None)


def test_a_succeeded_job_has_its_model_and_result(tenant: Tenant):
    typed = tenant.upload(typed_table())["id"]
    results = [{"name": "y", "verdict": "helped", "test": {"rmse": 1.0}}, {"name": "z", "verdict": None, "test": {}}]
    model = store_model(tenant, listed(typed), result={"delta_m": 0.1}, tasks=results)

    job = tenant.client.get("/v1/jobs").json()["data"][0]

    assert (job["status"], job["model"], job["result"]) == ("succeeded", model, {"delta_m": 0.1})
    assert job["finished_at"] is not None
    tasks = tenant.client.get(f"/v1/jobs/{job['id']}/tasks").json()
    assert tasks["data"] == results
    assert (tasks["first_id"], tasks["last_id"], tasks["has_more"]) == ("y", "z", False)
    helped = tenant.client.get(f"/v1/jobs/{job['id']}/tasks", params={"verdict": "helped"}).json()
    assert [task["name"] for task in helped["data"]] == ["y"]
    rest = tenant.client.get(f"/v1/jobs/{job['id']}/tasks", params={"after": "y", "limit": 1}).json()
    assert [task["name"] for task in rest["data"]] == ["z"]


def test_results_and_series_are_found_by_the_longest_name_that_a_task_can_have(tenant: Tenant):
    typed = tenant.upload(typed_table())["id"]
    names = [
        letter * (MAX_TASK_NAME_BYTES // len(letter.encode())) for letter in ("x", "\u00e9", "\u4e2d", "\U0001f347")
    ]
    store_model(tenant, listed(typed), tasks=[{"name": name, "verdict": None} for name in names])
    job = tenant.client.get("/v1/jobs").json()["data"][0]["id"]

    for name, following in pairwise(names):
        page = tenant.client.get(f"/v1/jobs/{job}/tasks", params={"after": name, "limit": 1})
        assert (page.status_code, page.json()["last_id"]) == (200, following)


def test_a_queued_job_is_cancelled_at_once(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)

    answer = tenant.client.post(f"/v1/jobs/{job['id']}/cancel")

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert answer.json()["finished_at"] is not None
    assert "retry-after" not in answer.headers


def test_a_running_job_is_told_to_stop_and_may_be_told_again(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    held = tenant.claim(job["id"])

    first = tenant.client.post(f"/v1/jobs/{job['id']}/cancel")
    second = tenant.client.post(f"/v1/jobs/{job['id']}/cancel", json={"keep_best": True})

    assert [(one.status_code, one.json()["status"]) for one in (first, second)] == [(202, "cancelling")] * 2
    assert first.headers["retry-after"] == "1"
    database = tenant.service.database
    with database.transaction() as session:
        renewal = claims.renew(session, held.fence, now=database.now(session), lease_seconds=60)
    assert (renewal.cancel_requested, renewal.keep_best) == (True, True)
    tenant.finish(held, Outcome("cancelled"))
    assert tenant.client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 409


def test_another_project_cannot_see_or_stop_a_job(tenant: Tenant, stranger: Tenant, dataset: str):
    job = tenant.job(dataset)
    path = f"/v1/jobs/{job['id']}"

    answers = [stranger.client.get(path + part) for part in ("", "/events", "/metrics", "/tasks")]
    answers.append(stranger.client.post(path + "/cancel"))

    assert {answer.status_code for answer in answers} == {404}
    assert tenant.client.get(path).json()["status"] == "queued"


def test_a_job_is_accepted_at_once_while_the_doorbell_is_broken(tenant: Tenant, serve, dataset: str):
    nobody = tenant.service.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    began = monotonic()

    answer = tenant.client.post(f"{serve(nobody)}/v1/jobs", json=spec(dataset))

    assert answer.status_code == 202
    assert monotonic() - began < 10
