"""A model goes from one installation to another as a file, and predicts there bit for bit as it did."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from safetensors.numpy import load, save

from app.settings import AppSettings
from learning.model import METADATA_KEY
from store import keys
from store.artifacts import ArtifactStore
from store.ids import new_id
from store.session import Database
from tests.app.conftest import small_settings
from tests.app.raw_http import exchange
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Service, Tenant

FILE = {"Content-Type": "application/octet-stream"}
ROWS = [
    {"age": 20.5 + i, "region": ("north", "west", "elsewhere")[i % 3], "member": i % 2 == 0, "day": "2024-05-06"}
    for i in range(6)
]


def bring(tenant: Tenant, content: bytes, *, headers: Mapping[str, str] = FILE, **params: str) -> httpx.Response:
    return tenant.client.post("/v1/models", content=content, headers=dict(headers), params=params)


def rewritten(
    content: bytes, *, header: Mapping[str, Any] | None = None, tensors: Mapping[str, Any] | None = None
) -> bytes:
    """The model's file with parts of its header and tensors replaced."""
    length = int.from_bytes(content[:8], "little")
    told = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][METADATA_KEY]) | (header or {})
    return bytes(save(load(content) | dict(tensors or {}), metadata={METADATA_KEY: json.dumps(told)}))


@pytest.fixture(scope="module")
def home(new_tenant: Callable[[], Tenant]) -> Tenant:
    """The project in which the models were trained."""
    return new_tenant()


@pytest.fixture(scope="module")
def model(home: Tenant) -> str:
    return store_model(home, listed(home.upload(typed_table())["id"]))


@pytest.fixture(scope="module")
def content(home: Tenant, model: str) -> bytes:
    return home.client.get(f"/v1/models/{model}/artifact").content


@pytest.fixture(scope="module")
def elsewhere(
    service: Service, serve: Callable[[AppSettings], str], new_database_url: Callable[[str], str], tmp_path_factory
) -> Iterator[Tenant]:
    """A second installation: a database and artifacts of its own, in which there is nothing."""
    settings = small_settings(
        new_database_url(service.settings.database_url.partition(":")[0]), tmp_path_factory.mktemp("elsewhere")
    )
    database = Database(settings.database_url)
    with database.transaction() as session:
        key = keys.create_admin(session, new_id("project"), now=database.now(session))
    other = Service(serve(settings), database, ArtifactStore(settings.artifacts), settings)
    with httpx.Client(base_url=other.url, headers={"Authorization": f"Bearer {key.secret}"}, timeout=60) as client:
        yield Tenant(other, client, key.project_id, key.secret)
    database.dispose()


def test_a_model_predicts_in_an_empty_installation_as_it_did_at_home(home: Tenant, elsewhere: Tenant, model, content):
    trained = home.client.get(f"/v1/models/{model}").json()
    assert elsewhere.client.get("/v1/models").json()["data"] == []

    answer = bring(elsewhere, content)

    shown = answer.json()
    path = f"/v1/models/{shown['id']}"
    assert (answer.status_code, answer.headers["location"]) == (201, path)
    same = ("name", "kind", "inputs", "network", "method", "adaptable", "bytes", "sha256")
    assert {field: shown[field] for field in same} == {field: trained[field] for field in same}
    assert (shown["job"], shown["parents"], shown["imported"], trained["imported"]) == (None, [], True, False)
    assert [task["metrics"] for task in shown["tasks"]] == [{}, {}]
    assert elsewhere.client.get(path).json() == shown
    assert [one["id"] for one in elsewhere.client.get("/v1/models").json()["data"]] == [shown["id"]]
    before, after = (
        tenant.client.post(f"/v1/models/{key}/predictions", json={"rows": ROWS}).json()
        for tenant, key in ((home, model), (elsewhere, shown["id"]))
    )
    assert after["predictions"] == before["predictions"]
    file = elsewhere.client.get(f"{path}/artifact")
    assert file.content == content
    assert file.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert elsewhere.client.get(f"{path}/card").status_code == 200
    graph = elsewhere.client.get(f"{path}/lineage").json()
    assert ([node["id"] for node in graph["nodes"]], graph["edges"]) == ([shown["id"]], [])


def test_a_grouped_model_keeps_its_heads(home: Tenant, tenant: Tenant):
    model = store_model(home, grouped(home.upload(typed_table())["id"]))
    rows = [{**row, "shop": shop} for row, shop in zip(ROWS, ("s0", "s1", "s2", "s3", "s9", "s0"), strict=True)]

    copy = bring(tenant, home.client.get(f"/v1/models/{model}/artifact").content, name="mine").json()

    assert copy["name"] == "mine"
    answers = [
        one.client.post(f"/v1/models/{key}/predictions", json={"rows": rows}).json()
        for one, key in ((home, model), (tenant, copy["id"]))
    ]
    assert answers[0]["predictions"] == answers[1]["predictions"]
    assert answers[0]["warnings"] == answers[1]["warnings"]


def test_one_key_is_one_import(tenant: Tenant, content: bytes):
    headers = {**FILE, "Idempotency-Key": "import"}
    first = bring(tenant, content, headers=headers)

    again = bring(tenant, content, headers=headers)
    other = bring(tenant, content[:-1], headers=headers)

    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, first.json(), "true")
    assert again.headers["location"] == first.headers["location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert len(tenant.client.get("/v1/models").json()["data"]) == 1


def test_the_same_file_twice_is_two_models_on_one_artifact(tenant: Tenant, content: bytes):
    with ThreadPoolExecutor(2) as pool:
        one, two = (answer.json() for answer in pool.map(lambda _: bring(tenant, content), range(2)))
    files = tenant.service.footprint()["files"]

    assert one["id"] != two["id"]
    assert one["sha256"] == two["sha256"]
    tenant.client.delete(f"/v1/models/{one['id']}").raise_for_status()
    assert tenant.client.get(f"/v1/models/{two['id']}/artifact").content == content
    assert tenant.service.footprint()["files"] == files


# what else a file can be is asked of `admit` itself, without a process for each: tests/learning/test_admission.py
REFUSED: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "truncated": (lambda file: file[:-100], "expected a safetensors file"),
    "wrong magic": (lambda _: b"PK\x03\x04" + bytes(100), "expected a header within"),
    "foreign tensors": (lambda file: rewritten(file, tensors={"passenger": np.zeros(3, np.float32)}), "expected no tensor for 'passenger'"),
    "NaN": (lambda file: rewritten(file, tensors={"heads.bias": load(file)["heads.bias"] * np.nan}), "expected finite weights"),
    "NUL": (lambda file: rewritten(file, header={"name": "a\0b"}), "without NUL"),
    "turned name": (lambda file: rewritten(file, header={"name": "a\u202eb"}), "expected a name without control"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sound_model_is_refused_and_leaves_nothing(tenant: Tenant, content: bytes, spoil, reason):
    before = tenant.service.footprint()

    answer = bring(tenant, spoil(content), headers={**FILE, "Idempotency-Key": "bad"})

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "model-invalid"), problem
    assert reason in problem["detail"]
    assert problem["errors"] == [{"location": "body", "code": "model-invalid", "detail": problem["detail"]}]
    assert str(tenant.service.artifacts.root) not in answer.text
    assert tenant.service.footprint() == before


def test_weights_that_overflow_are_told_at_the_prediction(home: Tenant, tenant: Tenant):
    model = store_model(home, listed(home.upload(typed_table())["id"]), factor=1e38)

    copy = bring(tenant, home.client.get(f"/v1/models/{model}/artifact").content).json()["id"]

    answer = tenant.client.post(f"/v1/models/{copy}/predictions", json={"rows": ROWS})
    assert (answer.status_code, answer.json()["code"]) == (503, "model-unhealthy")


@pytest.mark.parametrize(
    ("headers", "params", "status", "code"),
    [
        ({}, {}, 415, "unsupported-media-type"),
        ({"Content-Type": "text/csv"}, {}, 415, "unsupported-media-type"),
        ({**FILE, "Content-Encoding": "gzip"}, {}, 415, "unsupported-content-encoding"),
        (FILE, {"name": "x" * 300}, 422, "invalid-name"),
        (FILE, {"colour": "red"}, 422, "unknown-parameter"),
    ],
)
def test_a_request_of_another_form_is_refused_unread(tenant: Tenant, headers, params, status, code):
    before = tenant.service.footprint()

    answer = bring(tenant, b"x" * 1000, headers=headers, **params)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert tenant.service.footprint() == before


def test_a_file_beyond_the_limit_is_refused_before_it_is_sent(tenant: Tenant):
    before = tenant.service.footprint()

    answer = exchange(
        tenant,
        "POST /v1/models HTTP/1.1",
        ["Content-Type: application/octet-stream", "Content-Length: 99999999999"],
        hangs_up=True,
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "upload-too-large")
    assert tenant.service.footprint() == before


def test_an_imported_model_is_of_its_project(tenant: Tenant, stranger: Tenant, content: bytes):
    model = bring(tenant, content).json()["id"]

    assert stranger.client.get(f"/v1/models/{model}").status_code == 404
    assert stranger.client.get(f"/v1/models/{model}/artifact").status_code == 404
