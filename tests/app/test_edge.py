"""Every answer is named and logged in one line that holds no secret of the request."""

import io
import json

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request

from app import problems
from app.edge import Edge, make_log
from app.settings import AppSettings
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import Tenant, table

pytestmark = pytest.mark.anyio


def small_app(stream: io.BytesIO, settings: AppSettings) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.settings = settings
    app.state.log = make_log(stream)
    app.add_middleware(Edge, log=app.state.log)
    problems.install(app)

    @app.get("/hello/{name}")
    async def hello(name: str) -> str:
        return name

    @app.get("/broken")
    async def broken(request: Request) -> str:
        raise RuntimeError(f"/secret/path SELECT {request.url}")

    return app


@pytest.fixture
def stream() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def client(stream, tmp_path) -> httpx.AsyncClient:
    settings = AppSettings(database_url="sqlite://", artifacts=tmp_path)
    transport = httpx.ASGITransport(small_app(stream, settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_a_request_is_one_line_without_its_query(client, stream):
    answer = await client.get("/hello/a%0D%0Ab%1B[31m", params={"key": "tg_secret"})

    lines = stream.getvalue().splitlines()
    assert len(lines) == 1
    entry = json.loads(lines[0])
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/hello/a\r\nb\x1b[31m", 200)
    assert entry["id"] == answer.headers["x-request-id"]
    assert b"tg_secret" not in stream.getvalue()


async def test_our_own_failure_is_logged_and_tells_the_client_nothing_of_us(client, stream):
    answer = await client.get("/broken")

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (500, "internal-error", True)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert not any(word in answer.text for word in ("secret", "SELECT", "RuntimeError", "Traceback"))
    logged = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {entry["event"] for entry in logged} == {"failure", "request"}
    assert any("RuntimeError" in entry.get("exception", "") for entry in logged)
    assert {entry["id"] for entry in logged} == {problem["request_id"]}


async def test_a_failure_announces_that_its_connection_closes(client):
    assert (await client.get("/broken")).headers["connection"] == "close"


def test_head_is_answered_as_get_without_a_body(tenant: Tenant):
    job = tenant.job(tenant.upload(table())["id"])["id"]
    model = store_model(tenant, listed(tenant.upload(typed_table())["id"]))
    paths = ["/healthz", "/openapi.json", "/docs", "/v1/jobs", f"/v1/jobs/{job}", f"/v1/models/{model}/artifact"]
    for path in [*paths, "/v1/jobs/x", "/nothing"]:
        get, head = tenant.client.get(path), tenant.client.head(path)

        assert (head.status_code, head.content) == (get.status_code, b""), path
        for name in ("content-type", "etag", "allow"):
            assert head.headers.get(name) == get.headers.get(name), path
    assert head.headers["x-request-id"]


def test_head_of_an_event_stream_ends(tenant: Tenant):
    job = tenant.job(tenant.upload(table())["id"])["id"]

    answer = tenant.client.head(f"/v1/jobs/{job}/events", headers={"Accept": "text/event-stream"}, timeout=10)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")


def test_what_a_path_does_not_do_is_told_with_what_it_does(tenant: Tenant):
    answers = {path: tenant.client.put(path) for path in ("/v1/jobs", "/healthz", "/docs", "/openapi.json")}

    assert {answer.status_code for answer in answers.values()} == {405}
    allowed = {path: answer.headers["allow"] for path, answer in answers.items()}
    assert allowed == {
        "/v1/jobs": "GET, HEAD, POST",
        **dict.fromkeys(("/healthz", "/docs", "/openapi.json"), "GET, HEAD"),
    }
    refused = tenant.client.head("/v1/jobs/x/cancel")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_each_answer_has_an_id_of_its_own_and_is_not_sniffed(tenant: Tenant):
    answers = [tenant.client.get(path) for path in ("/healthz", "/readyz", "/v1/jobs", "/nothing", "/openapi.json")]

    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


def test_a_problem_repeats_little_of_what_was_sent(tenant: Tenant):
    answer = tenant.client.get("/v1/jobs", params={"status": "x" * 5_000})

    assert answer.status_code == 422
    assert len(answer.content) < 1_000


def test_a_problem_repeats_little_of_a_key_that_it_points_to(tenant: Tenant):
    name = tenant.job(tenant.upload(table())["id"])["id"]
    refused = tenant.client.post(f"/v1/jobs/{name}/cancel", json={"x" * 100_000: 1})
    dry = tenant.client.post("/v1/jobs?dry_run=true", json={"kind": "multitask", "y" * 100_000: 1})

    nul = tenant.client.post(f"/v1/jobs/{name}/cancel", json={"x" * 100_000 + "\0": 1})

    assert [answer.status_code for answer in (refused, dry, nul)] == [422, 200, 422]
    assert max(len(answer.content) for answer in (refused, dry, nul)) < 5_000
