"""What a job measures is read by name, task and step, a page at a time."""

from typing import Any

import pytest

from tests.app.small_model import grouped, typed_table
from tests.app.tenant import Tenant, table


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(table())["id"]


def test_series_are_told_by_name_task_and_step(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    held = tenant.claim(job["id"])
    points = [{"name": "train/loss", "task": None, "step": step, "value": 1.0 / step} for step in (1, 2, 3)] + [
        {"name": "validation/loss", "task": "y", "step": 3, "value": 0.25}
    ]
    tenant.report(held, points=points)
    path = f"/v1/jobs/{job['id']}/metrics"

    assert tenant.client.get(path).json()["data"] == points
    assert tenant.client.get(path, params={"task": "y"}).json()["data"] == points[3:]
    assert tenant.client.get(path, params={"name": "train/loss", "from_step": 2}).json()["data"] == points[1:3]


def test_series_come_in_pages(tenant: Tenant, dataset: str):
    job = tenant.job(dataset)
    points = [
        {"name": name, "task": task, "step": step, "value": float(step)}
        for name in ("train/loss", "validation/loss")
        for task in (None, "y", "z")
        for step in range(3)
    ]
    tenant.report(tenant.claim(job["id"]), points=points)
    path = f"/v1/jobs/{job['id']}/metrics"
    seen: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = tenant.client.get(path, params={"limit": 5, **after}).json()
        seen += page["data"]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}

    assert seen == points
    middle = tenant.client.get(path, params={"limit": 2, "task": "y"}).json()
    rest = tenant.client.get(path, params={"task": "y", "after": middle["last_id"]}).json()
    assert [point["step"] for point in middle["data"] + rest["data"]] == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("after", ["x", "\u00e9", "W10", "WyJhIixudWxsLC0xXQ", "WyJcdTAwMDAiLG51bGwsMV0", "a b"])
def test_series_go_on_after_no_place_but_one_of_theirs(tenant: Tenant, dataset: str, after: str):
    answer = tenant.client.get(f"/v1/jobs/{tenant.job(dataset)['id']}/metrics", params={"after": after})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")


def test_a_task_that_the_job_does_not_have_has_no_series(tenant: Tenant, dataset: str):
    answer = tenant.client.get(f"/v1/jobs/{tenant.job(dataset)['id']}/metrics", params={"task": "quality"})

    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-task")
    assert answer.json()["errors"][0]["location"] == "query/task"


def test_the_series_of_a_groups_task_are_its_targets(tenant: Tenant):
    table = tenant.upload(typed_table())["id"]
    wish = grouped(table)
    wish["tasks"] = {**wish["tasks"], "targets": [{"target": "y"}, {"target": "age"}]}
    job = tenant.submit(wish)
    points = [{"name": "train/loss", "task": task, "step": 1, "value": 1.0} for task in (None, "age", "y")]
    tenant.report(tenant.claim(job["id"]), points=points)
    path = f"/v1/jobs/{job['id']}/metrics"

    for task in ("age", "shop=s1/age"):
        assert tenant.client.get(path, params={"task": task}).json()["data"] == points[1:2]
    for task in ("shop=s1", "shop=s1/x", "region=s1/age", "shop=s1/region=n/age"):
        assert tenant.client.get(path, params={"task": task}).json()["code"] == "unknown-task"


def test_the_series_of_a_lone_task_are_the_jobs(tenant: Tenant):
    job = tenant.submit(grouped(tenant.upload(typed_table())["id"]))
    points = [{"name": "train/loss", "task": None, "step": 1, "value": 1.0}]
    tenant.report(tenant.claim(job["id"]), points=points)

    found = tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"task": "shop=s1/y"})

    assert found.json()["data"] == points
