"""A model's card says what the record says, for people and for machines, and carries nobody's markup."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from app.cards.limits import judged_against
from store.tables import ModelRow
from tests.app.small_model import grouped, listed, store_model, typed_table
from tests.app.tenant import Tenant

SHA = "sha256"
RESULTS: list[dict[str, Any]] = [
    {
        "name": "y",
        "type": "regression",
        "rows": {"train": 56, "validation": 12, "test": 12},
        "metric": "rmse",
        "test": {"rmse": 0.61, "mae": 0.47, "r2": None},
        "baselines": {"trivial": {"rmse": 0.8}, "linear": {"rmse": None}},
        "gains": {"single_task": 0.032, "one_model": None, "best": -0.016},
        "interval": [0.004, 0.061],
        "verdict": "helped",
    },
    {"name": "z", "type": "binary", "rows": None, "test": {"accuracy": 0.5}, "baselines": {}, "gains": {}, "verdict": None},
]  # fmt: skip
RESULT = {"summary": "Sharing helped 1 of 1 task.", "counts": {"helped": 1, "hurt": 0, "none": 1}}


@pytest.fixture
def dataset(tenant: Tenant) -> str:
    return tenant.upload(typed_table(), name="typed")["id"]


@pytest.fixture
def model(tenant: Tenant, dataset: str) -> str:
    return store_model(tenant, listed(dataset), tasks=RESULTS, result=RESULT)


def card(tenant: Tenant, model: str) -> dict[str, Any]:
    answer = tenant.client.get(f"/v1/models/{model}/card", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    return answer.json()


def page(tenant: Tenant, model: str) -> str:
    answer = tenant.client.get(f"/v1/models/{model}/card")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    return answer.text


def test_the_card_holds_the_record(tenant: Tenant, dataset: str, model: str):
    told = card(tenant, model)

    shown = tenant.client.get(f"/v1/models/{model}").json()
    job = tenant.client.get(f"/v1/jobs/{shown['job']}").json()
    data = tenant.client.get(f"/v1/datasets/{dataset}").json()
    assert (told["object"], told["model"]) == ("model_card", shown)
    assert {name: told["job"][name] for name in told["job"]} == {name: job[name] for name in told["job"]}
    assert told["job"]["spec"]["training"]["epochs"]
    assert (told["summary"], told["counts"], told["tasks_total"]) == (*RESULT.values(), 2)
    assert [one["task"]["name"] for one in told["tasks"]] == ["y", "z"]
    assert told["tasks"][0]["result"] == {name: value for name, value in RESULTS[0].items() if name != "name"}
    assert told["data"] == [{"id": dataset, "name": "typed", "rows": 80, SHA: data[SHA], "deleted": False}]


def test_the_page_says_it_to_people(tenant: Tenant, dataset: str, model: str):
    text = page(tenant, model)

    for line in (
        "# Model card: `small`",
        "It has the network `mlp`, sharing `hard`, balancing `static`.",
        f"* id: `{model}`",
        "Verdicts against training each task alone: helped 1, hurt 0, none 1.",
        "### `y`",
        "* rows: train 56, validation 12, test 12",
        "* on the test rows: rmse 0.61, mae 0.47, r2 none",
        "* rival `trivial`: rmse 0.8",
        "* gains over: single_task +3.2%, best -1.6%",
        "* verdict: helped, 95 % interval of the gain +0.4% to +6.1%",
        "* binary of 2 classes: `bad`, `good`",
        "* verdict: none",
        f"* `{dataset}` `typed`: 80 rows, sha256 `",
        "* `region`: category of 3 values",
        '  "kind": "multitask",',
        "* Tasks on which some rival is better than this model: 1 of the 2 shown here.",
        "* Tasks that could not be judged: too few test rows, or no rival by training each task alone: 1 of 2.",
    ):
        assert line in text, line
    assert "http" not in text


def test_a_cross_validated_model_says_that_its_figures_are_of_others(tenant: Tenant, dataset: str):
    model = store_model(tenant, {**listed(dataset), "split": {"folds": 10}}, tasks=RESULTS, result=RESULT)

    (told,) = [sentence for sentence in card(tenant, model)["limits"] if sentence.startswith("Figures")]
    assert told.startswith(
        "Figures are of 10 models of the same kind, each asked the rows that it had not learned from;"
    )
    (plain,) = [
        sentence
        for sentence in card(tenant, store_model(tenant, listed(dataset), tasks=RESULTS, result=RESULT))["limits"]
        if sentence.startswith("Figures")
    ]
    assert plain.startswith("Figures are of test rows")


def test_a_card_without_results_says_so(tenant: Tenant, dataset: str):
    told = card(tenant, store_model(tenant, grouped(dataset)))

    assert (told["summary"], told["counts"], told["tasks"][0]["result"]) == (None, None, None)
    assert "No figures of test rows are on record." in told["limits"]
    assert any("unseen-group" in sentence for sentence in told["limits"])


def test_a_card_outlives_its_data_and_needs_no_job(tenant: Tenant, dataset: str, model: str):
    tenant.client.delete(f"/v1/datasets/{dataset}").raise_for_status()

    told = card(tenant, model)

    assert told["data"][0]["deleted"]
    assert "Of the data it learned from, 1 of 1 deleted: only name and hash are left." in told["limits"]
    file = tenant.client.get(f"/v1/models/{model}/artifact").content
    headers = {"Content-Type": "application/octet-stream"}
    imported = tenant.client.post("/v1/models", content=file, headers=headers).json()["id"]
    bare = card(tenant, imported)
    assert (bare["job"], bare["data"], bare["tasks"][0]["result"]) == (None, [], None)
    assert "imported from another installation" in page(tenant, imported)


def test_a_card_is_found_by_alias_and_names_it(tenant: Tenant, model: str):
    tenant.client.put("/v1/aliases/prod", json={"model": model}).raise_for_status()

    assert card(tenant, "prod") == card(tenant, model)
    assert "* aliases: `prod`" in page(tenant, "prod")


def test_a_card_shows_so_many_tasks_and_counts_the_rest(tenant: Tenant):
    rows = [f"{row},s{row % 60:02},{row + row % 7}" for row in range(60 * 20)]
    dataset = tenant.upload("\n".join(["a,shop,y", *rows]).encode())["id"]
    tasks = {"dataset": dataset, "group_by": ["shop"], "targets": [{"target": "y"}]}
    model = store_model(tenant, {"kind": "multitask", "tasks": tasks, "network": {"name": "linear"}})

    told = card(tenant, model)

    assert (len(told["tasks"]), told["tasks_total"]) == (50, 60)
    assert "And 10 more." in page(tenant, model)


HOSTILE = "<img src=x onerror=alert(1)> [a](http://evil.example) ``` `x`"
SAFE = f"```` {HOSTILE} ````"


def test_what_users_have_named_works_as_no_markup(tenant: Tenant, dataset: str, model: str):
    shown = card(tenant, model)["model"]
    column = {"name": HOSTILE + "\n# heading", "type": "number"}
    kept = {name: shown[name] for name in ("adaptable", "network", "method")}
    task = {**shown["tasks"][1], "name": "new", "classes": [HOSTILE, "b"], "metrics": {HOSTILE: 0.5}}
    changed = {**kept, "tasks": [task], "inputs": [column], "group_by": []}
    with tenant.service.database.transaction() as session:
        session.execute(update(ModelRow).where(ModelRow.id == model).values(name=HOSTILE, header=changed))

    text = page(tenant, model)

    assert f"# Model card: {SAFE}" in text
    assert f"* ````{HOSTILE}\N{REPLACEMENT CHARACTER}# heading````: number" in text
    assert f"* binary of 2 classes: {SAFE}, `b`" in text
    assert f"* on the test rows: {SAFE} 0.5" in text
    assert card(tenant, model)["model"]["name"] == HOSTILE


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "text/markdown"),
        ("image/png", "text/markdown"),
        ("text/*", "text/markdown"),
        ("application/json", "application/json"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/markdown;q=0.5, application/json;q=0.9", "application/json"),
        ("text/markdown, application/json", "text/markdown"),
        ("application/json;q=0, */*", "text/markdown"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json;q=high", "text/markdown"),
        (",;q=,", "text/markdown"),
    ],
)
def test_the_form_is_what_the_client_likes_best(tenant: Tenant, model: str, accept: str, expected: str):
    answer = tenant.client.get(f"/v1/models/{model}/card", headers={"Accept": accept})

    assert answer.headers["content-type"].partition(";")[0] == expected
    assert "accept" in answer.headers["vary"].lower()


def test_another_projects_card_is_not_there(tenant: Tenant, stranger: Tenant, model: str):
    answers = [stranger.client.get(f"/v1/models/{key}/card") for key in (model, "prod", "x" * 300, "%00")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} <= {
        (404, "not-found"),
        (422, "invalid-character"),
    }
    tenant.client.delete(f"/v1/models/{model}").raise_for_status()
    assert tenant.client.get(f"/v1/models/{model}/card").status_code == 404
    assert json.loads(tenant.client.get("/v1/models").text)["data"] == []


def test_the_verdicts_of_a_transfer_are_said_to_be_against_training_from_scratch():
    assert judged_against("transfer") == "training from scratch"
    assert judged_against("multitask") == "training each task alone"
