"""A stored model is shown, traced, downloaded and deleted; its file is what its hash says."""

import hashlib

import pytest

from learning.model import TrainedModel
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Tenant

KEYS = {
    "id", "object", "name", "kind", "job", "imported", "parents", "aliases", "adaptable", "tasks", "inputs", "network", "method", "bytes",
    "sha256", "created_at", "expires_at",
}  # fmt: skip


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(typed_table(), name="typed")["id"]


@pytest.fixture
def model(tenant: Tenant, dataset: str) -> str:
    return store_model(tenant, listed(dataset))


def test_a_model_shows_its_tasks_and_inputs(tenant: Tenant, model: str):
    shown = tenant.client.get(f"/v1/models/{model}").json()

    assert shown.keys() == KEYS
    assert (shown["id"], shown["object"], shown["name"], shown["kind"]) == (model, "model", "small", "multitask")
    assert (shown["parents"], shown["aliases"], shown["adaptable"], shown["expires_at"]) == ([], [], True, None)
    assert [(task["name"], task["type"]) for task in shown["tasks"]] == [("y", "regression"), ("z", "binary")]
    inputs = {column["name"]: column for column in shown["inputs"]}
    assert {name: column["type"] for name, column in inputs.items()} == {
        "age": "number", "region": "category", "member": "boolean", "day": "date",
    }  # fmt: skip
    assert set(inputs["region"]["values"]) == {"north", "south", "west"}
    assert shown["network"]["widths"] == [8]
    assert shown["method"]["sharing"]["name"] == "hard"
    assert tenant.client.get(f"/v1/jobs/{shown['job']}").json()["model"] == model


def test_models_are_listed_and_filtered(tenant: Tenant, dataset: str, model: str):
    other = store_model(tenant, grouped(dataset))

    def found(**params: str) -> list[str]:
        return [one["id"] for one in tenant.client.get("/v1/models", params=params).json()["data"]]

    assert found() == [other, model]
    assert found(order="asc") == [model, other]
    assert found(name="grouped") == [other]
    assert found(kind="meta") == []
    assert found(after=other) == [model]


def test_tasks_come_in_pages(tenant: Tenant, dataset: str):
    path = f"/v1/models/{store_model(tenant, grouped(dataset))}/tasks"

    first = tenant.client.get(path, params={"limit": 3}).json()
    second = tenant.client.get(path, params={"limit": 3, "after": first["last_id"]}).json()

    names = [task["name"] for page in (first, second) for task in page["data"]]
    assert names == [f"shop=s{number}/y" for number in range(4)]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert tenant.client.get(path, params={"after": "absent"}).json()["code"] == "invalid-cursor"


def test_a_model_of_many_tasks_leaves_them_to_the_pages(tenant: Tenant):
    rows = [f"{row},s{row % 60:02},{row + row % 7}" for row in range(60 * 20)]
    dataset = tenant.upload("\n".join(["a,shop,y", *rows]).encode())["id"]
    tasks = {"dataset": dataset, "group_by": ["shop"], "targets": [{"target": "y"}]}

    model = store_model(tenant, {"kind": "multitask", "tasks": tasks, "network": {"name": "linear"}})

    assert tenant.client.get(f"/v1/models/{model}").json()["tasks"] is None
    assert len(tenant.client.get(f"/v1/models/{model}/tasks", params={"limit": 100}).json()["data"]) == 60


def test_lineage_leads_to_job_and_datasets_and_outlives_them(tenant: Tenant, dataset: str, model: str):
    job = tenant.client.get(f"/v1/models/{model}").json()["job"]
    tenant.client.delete(f"/v1/datasets/{dataset}").raise_for_status()

    graph = tenant.client.get(f"/v1/models/{model}/lineage").json()

    assert (graph["object"], graph["model"], graph["complete"]) == ("lineage", model, True)
    assert {(node["id"], node["object"], node["deleted"]) for node in graph["nodes"]} == {
        (dataset, "dataset", True), (job, "job", False), (model, "model", False),
    }  # fmt: skip
    assert {(edge["source"], edge["target"], edge["relation"]) for edge in graph["edges"]} == {
        (dataset, job, "reads"), (job, model, "makes"),
    }  # fmt: skip


def test_the_artifact_is_the_very_file(tenant: Tenant, model: str, tmp_path):
    shown = tenant.client.get(f"/v1/models/{model}").json()

    answer = tenant.client.get(f"/v1/models/{model}/artifact")

    assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (shown["bytes"], shown["sha256"])
    assert answer.headers["etag"] == f'"{shown["sha256"]}"'
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"] == "application/octet-stream"
    file = tmp_path / "model.safetensors"
    file.write_bytes(answer.content)
    assert TrainedModel.load(file).header.name == "small"


@pytest.mark.parametrize("form", ["{etag}", 'W/{etag}, "x"', "*"])
def test_a_client_that_has_the_file_is_not_sent_it_again(tenant: Tenant, model: str, form: str):
    etag = tenant.client.get(f"/v1/models/{model}/artifact").headers["etag"]

    answer = tenant.client.get(f"/v1/models/{model}/artifact", headers={"If-None-Match": form.format(etag=etag)})

    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=5-", 5, -1),
        ("bytes=-4", -4, -1),
        ("BYTES=3-999999999", 3, -1),
        ("bytes=-9999999", 0, -1),
    ],
)
def test_a_range_of_the_artifact_is_sent_alone(tenant: Tenant, model: str, asked: str, first: int, last: int):
    path = f"/v1/models/{model}/artifact"
    whole = tenant.client.get(path)
    size = len(whole.content)

    part = tenant.client.get(path, headers={"Range": asked, "If-Range": whole.headers["etag"]})

    assert (part.status_code, part.content) == (206, whole.content[first % size : last % size + 1])
    assert part.headers["content-range"] == f"bytes {first % size}-{last % size}/{size}"
    assert (part.headers["etag"], whole.headers["accept-ranges"]) == (whole.headers["etag"], "bytes")


@pytest.mark.parametrize(
    "asked", ["bytes=9-1", "bytes=999999999-", "bytes=-0", "bytes=-", "bytes=", "bytes=a-b", "bytes=5"]
)
def test_a_range_without_a_byte_is_refused_with_the_size(tenant: Tenant, model: str, asked: str):
    size = tenant.client.get(f"/v1/models/{model}").json()["bytes"]

    answer = tenant.client.get(f"/v1/models/{model}/artifact", headers={"Range": asked})

    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (416, "range-not-satisfiable")
    assert answer.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "rows=0-9"},
        {"Range": "bytes"},
        {"Range": "bytes=0-1,4-5"},
        {"Range": "bytes=0-9", "If-Range": '"0000"'},
    ],
)
def test_a_range_that_is_not_ours_to_cut_is_answered_by_the_whole(tenant: Tenant, model: str, headers: dict[str, str]):
    path = f"/v1/models/{model}/artifact"

    answer = tenant.client.get(path, headers=headers)

    assert (answer.status_code, answer.content) == (200, tenant.client.get(path).content)


def test_another_etag_gets_the_file(tenant: Tenant, model: str):
    answer = tenant.client.get(f"/v1/models/{model}/artifact", headers={"If-None-Match": '"0000"'})

    assert answer.status_code == 200


def test_a_deleted_model_is_gone_everywhere(tenant: Tenant, model: str):
    row = {"age": 30, "region": "north", "member": True, "day": "2024-05-06"}
    path = f"/v1/models/{model}"
    assert tenant.client.post(f"{path}/predictions", json={"rows": [row]}).status_code == 200

    assert tenant.client.delete(path).status_code == 204

    answers = [tenant.client.get(path + part) for part in ("", "/tasks", "/artifact", "/lineage", "/predictions")]
    answers += [tenant.client.post(f"{path}/predictions", json={"rows": [row]}), tenant.client.delete(path)]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not-found")}
    assert tenant.client.get("/v1/models").json()["data"] == []


def test_another_project_cannot_see_a_model(tenant: Tenant, stranger: Tenant, model: str):
    path = f"/v1/models/{model}"

    answers = [stranger.client.get(path + part) for part in ("", "/tasks", "/artifact", "/lineage", "/predictions")]
    answers.append(stranger.client.delete(path))

    assert {answer.status_code for answer in answers} == {404}
    assert tenant.client.get(path).status_code == 200


def test_a_damaged_file_is_never_served(tenant: Tenant, model: str):
    sha256 = tenant.client.get(f"/v1/models/{model}").json()["sha256"]
    file = tenant.service.artifacts.path(sha256)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)

    answer = tenant.client.get(f"/v1/models/{model}/predictions", params={"age": 1})

    assert (answer.status_code, answer.json()["code"]) == (503, "model-corrupt")
    assert str(file) not in answer.text
    file.unlink()
    gone = tenant.client.get(f"/v1/models/{model}/artifact")
    assert (gone.status_code, gone.json()["code"]) == (503, "artifact-missing")
