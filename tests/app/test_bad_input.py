"""BAD_INPUT.md as one test: each case is answered by a clear problem or accepted by rule, and leaves nothing behind."""

from collections.abc import Mapping

import pytest

from tests.app.bad_input import (
    adaptations,
    crowds,
    csv_files,
    http_requests,
    image_archives,
    job_specs,
    meta_specs,
    parquet_files,
    prediction_rows,
    raw_requests,
)
from tests.app.bad_input.case import Case, Send
from tests.app.bad_input.world import World, make_world
from tests.app.tenant import table

CASES = [
    *csv_files.CASES,
    *parquet_files.CASES,
    *image_archives.CASES,
    *job_specs.CASES,
    *meta_specs.CASES,
    *prediction_rows.CASES,
    *adaptations.CASES,
    *http_requests.CASES,
    *raw_requests.CASES,
    *crowds.CASES,
]
PROBLEM = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "errors"}

# After each bad input a good request of the same sort must work.
GOOD: Mapping[range, Send] = {
    range(1, 38): csv_files.csv(table()),
    range(38, 49): image_archives.images(image_archives.GOOD),
    range(49, 68): job_specs.job(job_specs.good(), dry_run=True),
    range(68, 79): prediction_rows.predict({"rows": [prediction_rows.ROW]}),
    range(79, 85): adaptations.adapt(adaptations.GOOD),
    range(85, 109): http_requests.listing("/v1/jobs"),
}


@pytest.fixture(scope="session")
def world(service, new_tenant) -> World:
    return make_world(new_tenant)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_bad_input(case: Case, world: World):
    before = world.tenant.service.footprint()

    answer = case.send(world)

    assert answer.status_code == case.status, answer.text
    assert case.by_server or answer.headers["x-request-id"]
    if case.by_server:
        assert answer.headers["connection"] == "close"
        assert world.tenant.service.footprint() == before
    elif case.status >= 400:
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
    good = next(send for rows, send in GOOD.items() if case.row in rows)(world)
    assert good.status_code in (200, 201), good.text
