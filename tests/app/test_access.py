"""No key, no access: every route but health and documentation, in the same words whatever is wrong with the key."""

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import delete

from app.main import create_app
from store.tables import KeyRow
from tests.app.raw_http import exchange
from tests.app.tenant import CSV, Service, Tenant
from tests.app.waiting import until

OPEN = {"/healthz", "/readyz", "/docs", "/openapi.json"}


def operations(anonymous: httpx.Client) -> list[tuple[str, str]]:
    document = anonymous.get("/openapi.json").json()
    return [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]


def test_every_route_but_the_open_ones_needs_a_key(anonymous: httpx.Client):
    closed = [(method, path) for method, path in operations(anonymous) if path not in OPEN]
    assert len(closed) >= 20

    for method, path in closed:
        answer = anonymous.request(
            method, path.format_map(dict.fromkeys(("dataset_id", "job_id", "model_id", "name"), "x"))
        )
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_the_open_routes_need_none(anonymous: httpx.Client):
    for path in OPEN:
        assert anonymous.get(path).status_code == 200


def test_no_route_is_hidden_from_the_documentation(service: Service, anonymous: httpx.Client):
    described = {path for _, path in operations(anonymous)} | {"/docs", "/openapi.json"}
    app = create_app(service.settings)

    served = {context.path for context in iter_route_contexts(app.routes)}

    assert served == described


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer tg_0000"},
        {"Authorization": b"Bearer tg_\xff\xfe"},
        {"Authorization": "Basic {secret}"},
        {"Authorization": "Bearer {lower}"},
        {"Authorization": "Bearer {secret}x"},
        {"Authorization": "{secret}"},
        {"X-Api-Key": "{secret}"},
    ],
)
def test_anything_but_one_valid_key_is_refused_alike(tenant: Tenant, anonymous: httpx.Client, headers):
    known = {"secret": tenant.secret, "lower": tenant.secret.lower()}
    sent = {name: value if isinstance(value, bytes) else value.format_map(known) for name, value in headers.items()}

    answer, bare = anonymous.get("/v1/datasets", headers=sent), anonymous.get("/v1/datasets")

    assert answer.status_code == 401
    assert {**answer.json(), "request_id": None} == {**bare.json(), "request_id": None}
    assert tenant.secret not in answer.text


def test_a_key_in_the_query_or_twice_is_no_key(tenant: Tenant, anonymous: httpx.Client):
    assert anonymous.get("/v1/datasets", params={"key": tenant.secret}).status_code == 401
    assert exchange(tenant, "GET /v1/datasets HTTP/1.1", [f"Authorization: Bearer {tenant.secret}"]).status_code == 401


def test_a_stranger_is_refused_before_the_body_is_read(tenant: Tenant):
    headers = [*CSV.items(), ("Authorization", "Bearer tg_wrong"), ("Content-Length", "1000000")]

    answer = exchange(
        tenant, "POST /v1/datasets HTTP/1.1", [f"{name}: {value}" for name, value in headers], hangs_up=True
    )

    assert answer.status_code == 401


def test_a_revoked_key_stops_working_within_seconds(tenant: Tenant):
    assert tenant.client.get("/v1/datasets").status_code == 200
    with tenant.service.database.transaction() as session:
        session.execute(delete(KeyRow).where(KeyRow.project_id == tenant.project_id))

    until(lambda: tenant.client.get("/v1/datasets").status_code == 401, seconds=5)
