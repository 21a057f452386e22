"""What happens to a job is told in order, once, and can be picked up where it was left."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from store.claims import Outcome
from tests.app.tenant import FAILURE, Tenant, table

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
def job(tenant: Tenant) -> str:
    return tenant.job(tenant.upload(table())["id"])["id"]


def blocks(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """The stream's events and comments as they come."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields
            fields = {}


def finished(tenant: Tenant, job: str) -> None:
    held = tenant.claim(job)
    tenant.report(held, progress={"fraction": 0.5}, logs=[{"level": "info", "message": "half way\r\nevent: fake"}])
    tenant.finish(held, Outcome("failed", error=FAILURE))


def test_events_are_listed_oldest_first_from_a_number_on(tenant: Tenant, job: str):
    finished(tenant, job)
    path = f"/v1/jobs/{job}/events"

    page = tenant.client.get(path).json()

    assert [event["id"] for event in page["data"]] == list(range(1, len(page["data"]) + 1))
    assert page["data"][0]["data"]["status"] == "queued"
    assert page["data"][-1]["data"]["status"] == "failed"
    assert {"status", "progress", "log"} <= {event["type"] for event in page["data"]}
    assert page["data"][0].keys() == {"id", "object", "type", "data", "created_at"}
    rest = tenant.client.get(path, params={"after": 2, "limit": 1}).json()
    assert ([event["id"] for event in rest["data"]], rest["last_id"], rest["has_more"]) == ([3], "3", True)


def test_the_stream_tells_the_same_and_ends(tenant: Tenant, job: str):
    finished(tenant, job)
    listed = tenant.client.get(f"/v1/jobs/{job}/events").json()["data"]

    with tenant.client.stream("GET", f"/v1/jobs/{job}/events", headers=STREAM) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        told = list(blocks(answer))

    assert told.pop() == {"event": "end", "data": "{}"}
    assert [(int(one["id"]), one["event"], json.loads(one["data"])) for one in told] == [
        (event["id"], event["type"], event["data"]) for event in listed
    ]


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_stream_goes_on_where_it_was_left(tenant: Tenant, job: str, how: str):
    finished(tenant, job)
    headers, params = (STREAM | {"Last-Event-ID": "2"}, {}) if how == "header" else (STREAM, {"after": 2})

    answer = tenant.client.get(f"/v1/jobs/{job}/events", headers=headers, params=params)

    assert next(blocks(answer))["id"] == "3"


def test_a_live_stream_pings_and_then_tells_the_change(tenant: Tenant, job: str):
    with tenant.client.stream("GET", f"/v1/jobs/{job}/events", headers=STREAM) as answer:
        live = blocks(answer)
        assert next(live)["id"] == "1"
        assert next(live) == {"": "ping"}
        with ThreadPoolExecutor(1) as pool:
            pool.submit(finished, tenant, job).result()
        told = [one for one in live if "" not in one]

    assert [one.get("id") for one in told] == [str(number) for number in range(2, len(told) + 1)] + [None]
    assert told[-1]["event"] == "end"


@pytest.mark.parametrize("number", ["-1", "2147483648", "9999999999999999", "two"])
def test_a_stream_from_no_number_of_an_event_is_refused_before_it_begins(tenant: Tenant, job: str, number: str):
    answer = tenant.client.get(f"/v1/jobs/{job}/events", headers=STREAM | {"Last-Event-ID": number})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")
