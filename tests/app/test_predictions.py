"""The same rows get the same answers whatever form they come in, and those are the model's own."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from learning.predictor import Predictor
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Service, Tenant

ROWS = [
    {"age": 30.0, "region": "north", "member": True, "day": "2024-05-06"},
    {"age": 41.5, "region": "west", "member": False, "day": None},
]


@pytest.fixture(scope="module")
def models(new_tenant) -> tuple[Tenant, str, str]:
    """A project with a listed and a grouped model."""
    tenant = new_tenant()
    dataset = tenant.upload(typed_table())["id"]
    return tenant, store_model(tenant, listed(dataset)), store_model(tenant, grouped(dataset))


def test_rows_columns_and_the_model_itself_agree(models, service: Service):
    tenant, model, _ = models
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    sha256 = tenant.client.get(f"/v1/models/{model}").json()["sha256"]
    expected = Predictor.load(service.artifacts.path(sha256)).predict(columns).to_json()

    by_rows = tenant.client.post(f"/v1/models/{model}/predictions", json={"rows": ROWS})
    by_columns = tenant.client.post(f"/v1/models/{model}/predictions", json={"columns": columns})

    assert by_rows.status_code == 200
    answer = by_rows.json()
    assert answer.keys() == {"model", "predictions", "warnings"}
    assert (answer["model"], answer["warnings"]) == (model, [])
    assert by_columns.json() == answer
    assert answer["predictions"].keys() == expected.keys() == {"y", "z"}
    np.testing.assert_array_equal(answer["predictions"]["y"]["values"], expected["y"]["values"])
    assert answer["predictions"]["z"] == expected["z"]
    assert answer["predictions"]["z"].keys() == {"labels", "classes", "probabilities"}
    np.testing.assert_allclose(np.sum(answer["predictions"]["z"]["probabilities"], axis=1), 1.0)


@pytest.mark.parametrize("sharing", ["hard", "soft"])
def test_answers_are_written_whatever_order_their_numbers_have_in_memory(tenant: Tenant, sharing: str):
    task = {"dataset": tenant.upload(typed_table())["id"], "target": "region", "features": ["age", "member"]}
    model = store_model(tenant, {**listed(task["dataset"]), "tasks": [task], "sharing": {"name": sharing}})

    answer = tenant.client.post(
        f"/v1/models/{model}/predictions", json={"columns": {"age": [1.0, 2.0], "member": [True, None]}}
    )

    assert answer.status_code == 200
    np.testing.assert_allclose(np.sum(answer.json()["predictions"]["region"]["probabilities"], axis=1), [1.0, 1.0])


def test_a_query_is_one_row_typed_by_the_model(models):
    tenant, model, _ = models
    path = f"/v1/models/{model}/predictions"
    row = ROWS[0]

    by_query = tenant.client.get(path, params={**row, "age": "3e1", "member": "true"})

    assert by_query.json() == tenant.client.post(path, json={"rows": [row]}).json()
    empty = tenant.client.get(path, params={**row, "age": "", "member": "false", "day": ""}).json()
    same = tenant.client.post(path, json={"rows": [{**row, "age": None, "member": False, "day": None}]}).json()
    assert empty == same


def test_only_the_asked_tasks_are_answered(models):
    tenant, model, _ = models
    path = f"/v1/models/{model}/predictions"

    by_body = tenant.client.post(path, json={"rows": ROWS[:1], "tasks": ["z"]}).json()
    by_query = tenant.client.get(path, params={**ROWS[0], "member": "1", "tasks": "z"}).json()

    assert by_body["predictions"].keys() == {"z"}
    assert by_query == by_body
    unknown = tenant.client.get(path, params={**ROWS[0], "tasks": "w"})
    assert (unknown.status_code, unknown.json()["errors"][0]["location"]) == (422, "query/tasks")


def test_a_group_picks_its_head_and_an_unseen_one_is_told(models):
    tenant, _, model = models
    path = f"/v1/models/{model}/predictions"
    rows = [{**ROWS[0], "shop": shop} for shop in ("s1", "nowhere")]

    answer = tenant.client.post(path, json={"rows": rows}).json()

    assert answer["predictions"].keys() == {"y"}
    assert len(answer["predictions"]["y"]["values"]) == 2
    assert [warning["code"] for warning in answer["warnings"]] == ["unseen-group"]
    strict = tenant.client.post(path, json={"rows": rows, "strict": True})
    assert (strict.status_code, strict.json()["code"]) == (422, "unseen-group")
    query = tenant.client.get(path, params={**rows[1], "member": "true", "strict": "true"})
    assert (query.status_code, query.json()["errors"][0]["location"]) == (422, "query/shop")


def test_ten_thousand_rows_are_answered_in_one_request(models):
    tenant, model, _ = models

    answer = tenant.client.post(f"/v1/models/{model}/predictions", json={"rows": ROWS * 5_000})

    values = answer.json()["predictions"]["y"]["values"]
    assert len(values) == 10_000
    # not to the last bit: a matrix product may add in another order at the end of a block
    np.testing.assert_allclose(values, values[:2] * 5_000, rtol=1e-5)


def test_a_large_request_does_not_hold_up_the_others(models):
    tenant, model, _ = models

    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(tenant.client.post, f"/v1/models/{model}/predictions", json={"rows": ROWS * 5_000})
        assert tenant.client.get("/healthz", timeout=5).status_code == 200
        assert large.result(timeout=30).status_code == 200


def test_one_cold_model_asked_by_many_is_loaded_for_all(models):
    tenant, model, _ = models

    with ThreadPoolExecutor(8) as pool:
        path = f"/v1/models/{model}/predictions"
        answers = list(pool.map(lambda _: tenant.client.post(path, json={"rows": ROWS}).json(), range(16)))

    assert all(answer == answers[0] for answer in answers)
