"""An alias works wherever a model's id does; moving it is one step for everybody, and can be taken back."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from urllib.parse import quote

import pytest

from store import aliases
from tests.app.small_model import listed, store_model, typed_table
from tests.app.tenant import Tenant
from tests.app.waiting import until

ROW = {"age": 30, "region": "north", "member": True, "day": "2024-05-06"}
KEYS = {"name", "object", "model", "version", "created_at", "updated_at"}


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(typed_table(), name="typed")["id"]


@pytest.fixture
def born(tenant: Tenant, dataset: str) -> list[str]:
    """Three models that answer differently."""
    return [store_model(tenant, listed(dataset), factor=factor) for factor in (1.0, 2.0, 3.0)]


def put(tenant: Tenant, model: str, name: str = "prod", **body):
    return tenant.client.put(f"/v1/aliases/{quote(name, safe='')}", json={"model": model, **body})


def rollback(tenant: Tenant, name: str = "prod", *, key: str | None = None, **body):
    headers = {} if key is None else {"Idempotency-Key": key}
    return tenant.client.post(f"/v1/aliases/{name}/rollback", json=body, headers=headers)


def predicted(tenant: Tenant, name: str) -> dict:
    answer = tenant.client.post(f"/v1/models/{name}/predictions", json={"rows": [ROW]})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_new_alias_is_created_and_a_moved_one_answered(tenant: Tenant, born: list[str]):
    made, moved, same = put(tenant, born[0]), put(tenant, born[1]), put(tenant, born[1])

    assert made.json().keys() == KEYS
    assert (made.status_code, made.headers["location"]) == (201, "/v1/aliases/prod")
    assert (made.json()["object"], made.json()["model"], made.json()["version"]) == ("alias", born[0], 1)
    assert (moved.status_code, moved.json()["model"], moved.json()["version"]) == (200, born[1], 2)
    assert moved.json()["created_at"] == made.json()["created_at"] < moved.json()["updated_at"]
    assert (same.status_code, same.json()) == (200, moved.json())


def test_an_alias_shows_its_history_in_pages(tenant: Tenant, born: list[str]):
    for model in born:
        put(tenant, model)
    path = "/v1/aliases/prod"

    whole = tenant.client.get(path).json()
    first = tenant.client.get(path, params={"limit": 2}).json()["history"]
    rest = tenant.client.get(path, params={"after": first["last_id"]}).json()["history"]

    assert whole.keys() == KEYS | {"history"}
    assert [move["version"] for move in whole["history"]["data"]] == [3, 2, 1]
    assert [move["model"] for move in whole["history"]["data"]] == born[::-1]
    assert first["data"] + rest["data"] == whole["history"]["data"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    for after in ("4", "0", "x", 10**30):
        assert tenant.client.get(path, params={"after": after}).json()["code"] == "invalid-cursor"


def test_aliases_are_listed_by_name(tenant: Tenant, born: list[str]):
    for name in ("b", "a", "c"):
        put(tenant, born[0], name)

    def found(**params) -> list[str]:
        return [alias["name"] for alias in tenant.client.get("/v1/aliases", params=params).json()["data"]]

    assert found() == ["a", "b", "c"]
    assert found(order="desc") == ["c", "b", "a"]
    assert found(after="a", limit=1) == ["b"]


def test_an_alias_works_wherever_a_models_id_does(tenant: Tenant, born: list[str]):
    put(tenant, born[0])

    for part in ("", "/tasks", "/lineage", "/predictions?age=3&region=north&member=true&day=2024-05-06"):
        by_name, by_id = (tenant.client.get(f"/v1/models/{key}{part}") for key in ("prod", born[0]))
        assert by_name.status_code == 200, by_name.text
        assert by_name.json() == by_id.json()
    assert predicted(tenant, "prod") == predicted(tenant, born[0])
    assert tenant.client.get("/v1/models/prod").json()["aliases"] == ["prod"]
    assert [model["aliases"] for model in tenant.client.get("/v1/models").json()["data"]] == [[], [], ["prod"]]


def test_the_file_behind_an_alias_may_not_be_kept_unasked(tenant: Tenant, born: list[str]):
    put(tenant, born[0], "öl")
    by_name, by_id = (tenant.client.get(f"/v1/models/{key}/artifact") for key in ("öl", born[0]))

    assert by_name.content == by_id.content
    assert by_name.headers["content-disposition"] == by_id.headers["content-disposition"]
    assert (by_name.headers["cache-control"], by_name.headers["etag"]) == ("private, no-cache", by_id.headers["etag"])
    assert "immutable" in by_id.headers["cache-control"]


def test_another_alias_can_say_where_to_point(tenant: Tenant, born: list[str]):
    put(tenant, born[0], "staging")
    put(tenant, "staging", "prod")
    put(tenant, born[1], "staging")

    assert tenant.client.get("/v1/aliases/prod").json()["model"] == born[0]


def test_a_warm_alias_answers_with_the_new_model_as_soon_as_it_has_moved(tenant: Tenant, born: list[str]):
    for model in (*born, *born):
        put(tenant, model)
        assert predicted(tenant, "prod")["model"] == model
    rollback(tenant)
    assert predicted(tenant, "prod") == predicted(tenant, born[1])
    tenant.client.delete("/v1/aliases/prod").raise_for_status()
    gone = tenant.client.post("/v1/models/prod/predictions", json={"rows": [ROW]})
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")


def test_a_move_in_another_process_is_seen_within_a_second(tenant: Tenant, born: list[str]):
    put(tenant, born[0])
    assert predicted(tenant, "prod")["model"] == born[0]

    with tenant.service.database.transaction() as session:
        now = tenant.service.database.now(session)
        aliases.move(session, tenant.project_id, "prod", now=now, model_id=born[1])

    until(lambda: predicted(tenant, "prod")["model"] == born[1], seconds=1)


def test_no_prediction_fails_while_an_alias_moves_and_what_it_leaves_is_deleted(tenant: Tenant, dataset: str):
    models = [store_model(tenant, listed(dataset), factor=factor) for factor in range(1, 7)]
    put(tenant, models[0])

    with ThreadPoolExecutor(2) as pool:
        moving = pool.submit(_move_on, tenant, models)
        found = []
        while not moving.done():
            found.append(predicted(tenant, "prod")["model"])
        moving.result()

    until(lambda: predicted(tenant, "prod")["model"] == models[-1], seconds=1)
    assert found == sorted(found)  # nobody was answered by a model that had been left


def _move_on(tenant: Tenant, models: list[str]) -> None:
    for before, model in pairwise(models):
        # behind the API's back, as another process would
        with tenant.service.database.transaction() as session:
            now = tenant.service.database.now(session)
            aliases.move(session, tenant.project_id, "prod", now=now, model_id=model)
        tenant.client.delete(f"/v1/models/{before}").raise_for_status()


def test_of_movers_who_believe_the_same_one_wins(tenant: Tenant, born: list[str]):
    put(tenant, born[0])

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda model: put(tenant, model, if_current=born[0]), [born[1], born[2]] * 2))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"alias-moved"}
    assert tenant.client.get("/v1/aliases/prod").json()["version"] == 2


def test_an_alias_can_be_made_only_if_it_is_not_there(tenant: Tenant, born: list[str]):
    first, second = (put(tenant, model, if_current=None) for model in born[:2])

    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "alias-moved")
    assert born[0] in second.json()["detail"]


def test_rollbacks_go_back_step_by_step(tenant: Tenant, born: list[str]):
    for model in born:
        put(tenant, model)

    found = [rollback(tenant, if_current=born[2]), rollback(tenant), rollback(tenant)]

    assert [answer.json().get("model") for answer in found] == [born[1], born[0], None]
    assert (found[2].status_code, found[2].json()["code"]) == (409, "nothing-to-roll-back")
    history = tenant.client.get("/v1/aliases/prod").json()["history"]["data"]
    assert [(move["version"], move["restores"]) for move in history[:2]] == [(5, 1), (4, 2)]


def test_a_repeated_rollback_with_one_key_goes_back_once(tenant: Tenant, born: list[str]):
    for model in born:
        put(tenant, model)

    first, again = rollback(tenant, key="once"), rollback(tenant, key="once")
    other = rollback(tenant, key="once", if_current=born[1])

    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert tenant.client.get("/v1/aliases/prod").json()["model"] == born[1]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    put(tenant, born[0], "other")
    put(tenant, born[1], "other")
    assert rollback(tenant, "other", key="once").json()["model"] == born[0]  # a key is of one alias


def test_a_rollback_to_a_deleted_model_is_refused(tenant: Tenant, born: list[str]):
    put(tenant, born[0])
    put(tenant, born[1])
    tenant.client.delete(f"/v1/models/{born[0]}").raise_for_status()

    answer = rollback(tenant, key="try")

    assert (answer.status_code, answer.json()["code"]) == (409, "model-deleted")
    assert rollback(tenant, key="try").status_code == 409  # what did nothing leaves its key free


def test_a_model_with_an_alias_is_not_deleted(tenant: Tenant, born: list[str]):
    put(tenant, born[0])

    by_id, by_name = (tenant.client.delete(f"/v1/models/{key}") for key in (born[0], "prod"))

    assert {(answer.status_code, answer.json()["code"]) for answer in (by_id, by_name)} == {(409, "model-in-use")}
    assert "'prod'" in by_id.json()["detail"]
    tenant.client.delete("/v1/aliases/prod").raise_for_status()
    assert tenant.client.delete(f"/v1/models/{born[0]}").status_code == 204


def test_a_deleted_alias_is_gone_and_goes_on_when_given_again(tenant: Tenant, born: list[str]):
    put(tenant, born[0])
    assert tenant.client.delete("/v1/aliases/prod").status_code == 204

    answers = [tenant.client.get("/v1/aliases/prod"), tenant.client.delete("/v1/aliases/prod"), rollback(tenant)]

    assert {answer.status_code for answer in answers} == {404}
    assert tenant.client.get("/v1/aliases").json()["data"] == []
    again = put(tenant, born[1], if_current=None)
    assert (again.status_code, again.json()["version"]) == (201, 2)


@pytest.mark.parametrize("name", ["Wein & Öl?", "#1 100%", "नमस्\u200dते", "🍇", "a.b-c_d", "predictions", "a" * 200])
def test_any_readable_name_works(tenant: Tenant, born: list[str], name: str):
    assert put(tenant, born[0], name).json()["name"] == name

    key = quote(name, safe="")
    assert tenant.client.get(f"/v1/aliases/{key}").json()["model"] == born[0]
    assert predicted(tenant, key)["model"] == born[0]


def test_two_spellings_of_one_name_are_one_alias(tenant: Tenant, born: list[str]):
    composed, decomposed = (unicodedata.normalize(form, "öl") for form in ("NFC", "NFD"))

    assert put(tenant, born[0], decomposed).json()["name"] == composed
    assert put(tenant, born[1], composed).status_code == 200
    for name in (composed, decomposed):
        assert predicted(tenant, quote(name))["model"] == born[1]


def test_another_projects_alias_is_not_there(tenant: Tenant, stranger: Tenant, born: list[str]):
    put(tenant, born[0])
    assert predicted(tenant, "prod")["model"] == born[0]

    answers = [stranger.client.get(f"/v1/models/prod{part}") for part in ("", "/tasks", "/lineage", "/artifact")]
    answers += [stranger.client.get("/v1/aliases/prod"), stranger.client.delete("/v1/aliases/prod")]
    answers += [rollback(stranger), stranger.client.post("/v1/models/prod/predictions", json={"rows": [ROW]})]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "not-found")}
    assert stranger.client.get("/v1/aliases").json()["data"] == []
    assert put(stranger, born[0]).json()["code"] == "model-not-found"
    assert tenant.client.get("/v1/aliases/prod").json()["model"] == born[0]
