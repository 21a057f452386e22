"""BAD_INPUT.md as one test: each case is answered by a clear problem or accepted by rule, and leaves nothing behind."""

import pytest

from tests.app.bad_input import csv_files, http_requests, job_specs, parquet_files, prediction_rows
from tests.app.bad_input.case import Case
from tests.app.bad_input.world import World, make_world

CASES = [*csv_files.CASES, *parquet_files.CASES, *job_specs.CASES, *prediction_rows.CASES, *http_requests.CASES]
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "errors"}


@pytest.fixture(scope="session")
def world(service, new_tenant) -> World:
    return make_world(new_tenant)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input(case: Case, world: World):
    before = world.tenant.service.footprint()

    answer = case.send(world)

    assert answer.status_code == case.status, answer.text
    assert answer.headers["x-request-id"]
    if case.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem.keys() == PROBLEM
        assert (problem["status"], problem["code"]) == (case.status, case.code), problem
        assert problem["request_id"] == answer.headers["x-request-id"]
        if case.pointer is not None:
            assert case.pointer in {entry.get("pointer") for entry in problem["errors"]}, problem
        assert world.tenant.service.footprint() == before
    if case.check is not None:
        case.check(answer.json())
    assert world.tenant.client.get("/v1/datasets", params={"limit": 1}).status_code == 200
