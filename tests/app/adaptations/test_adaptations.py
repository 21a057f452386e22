"""Adaptations over HTTP: what is answered, what is stored, and what stays as it was."""

from uuid import uuid4

import pytest

from tests.app.adaptations.rows import adapt, classes, numbers, predict, row
from tests.app.meta_model import store_meta
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Tenant


def rents(predictions):
    return predictions["rent"]["values"]


@pytest.fixture(scope="module")
def owner(new_tenant) -> Tenant:
    return new_tenant()


@pytest.fixture(scope="module")
def dataset(owner: Tenant) -> str:
    return owner.upload(typed_table())["id"]


@pytest.fixture(scope="module")
def model(owner: Tenant, dataset: str) -> str:
    return store_model(owner, listed(dataset))


@pytest.fixture(scope="module")
def shops(owner: Tenant, dataset: str) -> str:
    return store_model(owner, grouped(dataset))


@pytest.fixture(scope="module")
def prototypes(owner: Tenant) -> str:
    return store_meta(owner)


def test_a_child_answers_as_the_adaptation_did(owner: Tenant, model: str):
    told = adapt(owner, model, support=numbers(), target="rent", query={"rows": [row(3)]}, name="tenant-42")

    assert told.keys() == {"model", "predictions", "check", "warnings", "seconds"}
    child = told["model"]
    assert (child["kind"], child["name"], child["parents"], child["job"]) == ("adapt", "tenant-42", [model], None)
    assert (child["adaptable"], child["imported"], child["expires_at"]) == (True, False, None)
    assert child["tasks"] == [{"name": "rent", "type": "regression", "metrics": {}}]
    parent = owner.client.get(f"/v1/models/{model}").json()
    assert (child["inputs"], child["network"]) == (parent["inputs"], parent["network"])
    assert owner.client.get(f"/v1/models/{child['id']}").json() == child
    assert rents(predict(owner, child["id"], row(3))) == pytest.approx(rents(told["predictions"]))
    assert told["check"].keys() == {"metric", "support_leave_one_out", "before", "worth_it", "query"}
    assert told["check"]["support_leave_one_out"] < told["check"]["before"]


def test_what_is_not_to_be_stored_leaves_nothing(owner: Tenant, model: str):
    before = owner.service.footprint()
    told = adapt(owner, model, support=numbers(), target="rent", query={"rows": [row(3)]}, store=False)
    assert told["model"] is None
    assert told["predictions"]["rent"]["values"]
    assert owner.service.footprint() == before


def test_a_meta_model_adapts_and_does_not_answer(owner: Tenant, prototypes: str):
    refused = owner.client.post(f"/v1/models/{prototypes}/predictions", json={"rows": [{"a": 1.0, "b": 2.0}]})
    assert (refused.status_code, refused.json()["code"]) == (409, "not-adapted")
    assert "adaptations" in refused.json()["detail"]

    query = {"columns": {"a": classes()["columns"]["a"], "b": classes()["columns"]["b"]}}
    told = adapt(owner, prototypes, support=classes(), query=query)
    assert told["predictions"]["y"]["labels"] == classes()["columns"]["y"]
    assert told["model"]["tasks"][0]["classes"] == ["class 0", "class 1", "class 2"]
    assert predict(owner, told["model"]["id"], {"a": 1.0, "b": 2.0}).keys() == {"y"}


def test_a_dataset_may_be_the_support(owner: Tenant, dataset: str, model: str):
    told = adapt(owner, model, support=dataset, target="shop")
    assert told["model"]["tasks"][0]["classes"] == ["s0", "s1", "s2", "s3"]


def test_a_new_group_joins_those_of_its_parent(owner: Tenant, shops: str):
    support = {"rows": [row(i, y=3.0 * i) for i in range(30)]}
    told = adapt(owner, shops, support=support, task_key={"shop": "s9"}, targets=["y"])
    assert told["check"].keys() == {"y"}
    names = [task["name"] for task in told["model"]["tasks"]]
    assert names == [*(f"shop=s{i}/y" for i in range(4)), "shop=s9/y"]
    paged = owner.client.get(f"/v1/models/{told['model']['id']}/tasks").json()
    assert [task["name"] for task in paged["data"]] == names
    both = predict(owner, told["model"]["id"], row(3, shop="s9"), row(3, shop="s1"))["y"]["values"]
    assert both[1] == pytest.approx(predict(owner, shops, row(3, shop="s1"))["y"]["values"][0])
    assert both[0] != pytest.approx(both[1])


def test_every_target_that_a_new_group_learned_is_checked(owner: Tenant, dataset: str):
    spec = grouped(dataset)
    tasks = {**spec["tasks"], "targets": [{"target": "y"}, {"target": "age"}]}
    several = store_model(owner, {**spec, "tasks": tasks})
    support = {"rows": [row(i, y=3.0 * i) for i in range(10)]}
    told = adapt(owner, several, support=support, task_key={"shop": "s9"}, store=False)
    assert told["check"].keys() == {"y", "age"}


def test_many_supports_are_adapted_to_in_one_request(owner: Tenant, model: str):
    supports = {"tenant-1": numbers(), "tenant-2": {**numbers(8), "query": {"rows": [row(1), row(2)]}}}
    told = adapt(owner, model, supports=supports, target="rent", query={"rows": [row(3)]})
    assert told.keys() == {"adaptations", "seconds"}
    found = told["adaptations"]
    assert {key: one["model"]["name"] for key, one in found.items()} == {"tenant-1": "tenant-1", "tenant-2": "tenant-2"}
    assert [len(one["predictions"]["rent"]["values"]) for one in found.values()] == [1, 2]
    alone = adapt(owner, model, support=numbers(), target="rent", query={"rows": [row(3)]}, store=False)
    assert found["tenant-1"]["predictions"]["rent"]["values"] == pytest.approx(alone["predictions"]["rent"]["values"])


def test_a_support_that_does_not_fit_keeps_no_other_from_being_adapted_to(owner: Tenant, model: str):
    bad = {"rows": [row(0, rent=1.0), row(1, rent=2.0, age="old")]}
    told = adapt(owner, model, supports={"good": numbers(), "bad": bad}, target="rent")["adaptations"]
    assert told["good"]["model"]["name"] == "good"
    error = told["bad"]["error"]
    assert (error["code"], error["errors"][0]["pointer"]) == ("wrong-type", "/supports/bad/rows/1/age")


def test_a_request_none_of_whose_supports_fit_is_refused(owner: Tenant, model: str):
    bad = {"rows": [row(0, rent=1.0), row(1, rent=2.0, age="old")]}
    before = owner.service.footprint()
    answer = owner.client.post(f"/v1/models/{model}/adaptations", json={"supports": {"bad": bad}, "target": "rent"})
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong-type")
    assert owner.service.footprint() == before


def test_a_child_of_a_child_stands_on_the_same_base(owner: Tenant, model: str):
    child = adapt(owner, model, support=numbers(), target="rent")["model"]["id"]
    told = adapt(owner, child, support={"rows": [row(i, rent=-4.0 * i) for i in range(12)]}, query={"rows": [row(3)]})
    grandchild = told["model"]
    assert grandchild["parents"] == [child]
    assert rents(predict(owner, grandchild["id"], row(3))) == pytest.approx(rents(told["predictions"]))
    nodes = {node["id"] for node in owner.client.get(f"/v1/models/{grandchild['id']}/lineage").json()["nodes"]}
    assert {model, child, grandchild["id"]} <= nodes


def test_a_childs_file_is_whole_and_has_its_own_tag(owner: Tenant, model: str):
    child = adapt(owner, model, support=numbers(), target="rent")["model"]
    parent = owner.client.get(f"/v1/models/{model}").json()
    assert child["bytes"] < parent["bytes"]
    address = f"/v1/models/{child['id']}/artifact"
    file = owner.client.get(address)
    tag = file.headers["etag"]
    assert len(file.content) > child["bytes"]
    assert tag != f'"{child["sha256"]}"'
    assert owner.client.get(address, headers={"If-None-Match": tag}).status_code == 304
    part = owner.client.get(address, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content, part.headers["etag"]) == (206, file.content[:10], tag)


def test_a_deleted_parent_leaves_its_children_able_to_answer(owner: Tenant, dataset: str):
    parent = store_model(owner, listed(dataset))
    told = adapt(owner, parent, support=numbers(), target="rent", query={"rows": [row(3)]})
    owner.client.delete(f"/v1/models/{parent}").raise_for_status()
    child = told["model"]["id"]
    assert rents(predict(owner, child, row(3))) == pytest.approx(rents(told["predictions"]))
    assert owner.client.get(f"/v1/models/{child}/artifact").status_code == 200
    again = owner.client.post(f"/v1/models/{parent}/adaptations", json={"support": numbers(), "target": "rent"})
    assert again.status_code == 404


def test_a_child_is_gone_when_its_time_has_come(owner: Tenant, model: str):
    lasting = adapt(owner, model, support=numbers(), target="rent", ttl_seconds=3600)["model"]
    assert lasting["expires_at"] > lasting["created_at"]
    brief = adapt(owner, model, support=numbers(), target="rent", ttl_seconds=1e-6)["model"]["id"]
    for path in ("", "/tasks", "/card", "/lineage", "/artifact"):
        assert owner.client.get(f"/v1/models/{brief}{path}").status_code == 404, path
    assert owner.client.post(f"/v1/models/{brief}/predictions", json={"rows": [row(1)]}).status_code == 404
    assert brief not in [one["id"] for one in owner.client.get("/v1/models").json()["data"]]


def test_a_child_has_a_card_and_takes_an_alias(owner: Tenant, model: str):
    child = adapt(owner, model, support=numbers(), target="rent")["model"]["id"]
    assert model in owner.client.get(f"/v1/models/{child}/card").text
    owner.client.put("/v1/aliases/rents", json={"model": child}).raise_for_status()
    assert predict(owner, "rents", row(3)).keys() == {"rent"}
    assert adapt(owner, "rents", support=numbers(), store=False)["predictions"] is None


def test_a_request_with_a_key_happens_once(owner: Tenant, model: str):
    headers = {"Idempotency-Key": uuid4().hex}
    body = {"support": numbers(), "target": "rent"}
    address = f"/v1/models/{model}/adaptations"
    first = owner.client.post(address, json=body, headers=headers)
    before = owner.service.footprint()
    second = owner.client.post(address, json=body, headers=headers)
    assert (second.status_code, second.text) == (first.status_code, first.text)
    assert second.headers["idempotency-replayed"] == "true"
    assert first.headers["location"] == f"/v1/models/{first.json()['model']['id']}"
    assert owner.service.footprint() == before
    other = owner.client.post(address, json={**body, "name": "x"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_a_retry_by_alias_is_the_same_request_when_the_alias_has_moved(owner: Tenant, model: str, dataset: str):
    owner.client.put("/v1/aliases/moving", json={"model": model}).raise_for_status()
    headers, body = {"Idempotency-Key": uuid4().hex}, {"support": numbers(), "target": "rent"}
    first = owner.client.post("/v1/models/moving/adaptations", json=body, headers=headers)
    owner.client.put("/v1/aliases/moving", json={"model": store_model(owner, listed(dataset))}).raise_for_status()
    again = owner.client.post("/v1/models/moving/adaptations", json=body, headers=headers)
    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_strangers_model_is_not_there(model: str, stranger: Tenant):
    answer = stranger.client.post(f"/v1/models/{model}/adaptations", json={"support": numbers(), "target": "rent"})
    assert answer.status_code == 404


def test_a_childs_file_answers_alike_in_another_installation(owner: Tenant, model: str, stranger: Tenant):
    told = adapt(owner, model, support=numbers(), target="rent", query={"rows": [row(3)]})
    file = owner.client.get(f"/v1/models/{told['model']['id']}/artifact").content
    headers = {"Content-Type": "application/octet-stream"}
    imported = stranger.client.post("/v1/models", content=file, headers=headers)
    assert imported.status_code == 201, imported.text
    shown = imported.json()
    assert (shown["kind"], shown["imported"], shown["adaptable"], shown["bytes"]) == ("adapt", True, True, len(file))
    assert rents(predict(stranger, shown["id"], row(3))) == pytest.approx(rents(told["predictions"]))
