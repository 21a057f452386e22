"""Meta jobs over HTTP: what they are resolved to, what they find, and the model that is left to adapt."""

import numpy as np
import pytest

from learning.registry import registry
from tests.app.attempted import run_job
from tests.app.tenant import Tenant

LINES = 40
FIGURES = {"rmse", "mse"}


@pytest.fixture
def lines(tenant: Tenant):
    """Forty tasks of twelve points on a line each: y = a x, with a slope of its own."""
    random = np.random.default_rng(0)
    slope = random.normal(0, 2, LINES).round(3)
    rows = [f"l{i},{x:.4f},{slope[i] * x:.4f}" for i in range(LINES) for x in random.normal(size=12)]
    return tenant.upload(("line,x,y\n" + "\n".join(rows) + "\n").encode())["id"]


@pytest.fixture
def letters(tenant: Tenant):
    """Twenty classes, six rows around a place of its own each."""
    random = np.random.default_rng(1)
    places = random.normal(0, 3, (20, 2))
    rows = [f"{chr(97 + i)},{a:.4f},{b:.4f}" for i in range(20) for a, b in places[i] + random.normal(0, 0.3, (6, 2))]
    return tenant.upload(("letter,a,b\n" + "\n".join(rows) + "\n").encode())["id"]


def by_line(dataset, **fields):
    return {
        "kind": "meta",
        "name": "lines",
        "tasks": {"dataset": dataset, "group_by": ["line"], "targets": [{"target": "y"}]},
        "shots": 4,
        "network": {"name": "mlp", "widths": [16], "dropout": 0.0},
        "training": {"iterations": 60, "tasks_per_batch": 8, "learning_rate": 0.01},
        **fields,
    }


def of_letters(dataset, **fields):
    own = {"dataset": dataset, "target": "letter", "ways": 3, "shots": 2, "queries": 3}
    return {
        "kind": "meta",
        "episodes": own,
        "method": {"name": "protonet"},
        "network": {"name": "mlp", "widths": [16], "dropout": 0.0},
        "training": {"iterations": 30, "tasks_per_batch": 4},
        "baselines": False,
        **fields,
    }


def check(tenant, body):
    answer = tenant.client.post("/v1/jobs", params={"dry_run": "true"}, json=body)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("method", registry().names("meta"))
def test_every_method_is_taken_by_its_name_with_its_defaults(tenant, letters, method):
    split = {"validation": 0.3, "test": 0.3}
    told = check(tenant, of_letters(letters, method={"name": method}, split=split))
    assert told["errors"] == told["warnings"] == []
    assert told["spec"]["method"] == registry().spec("meta", method)().model_dump(mode="json")


def test_a_job_that_names_only_its_data_has_a_default_for_everything_else(tenant, lines):
    tasks = {"dataset": lines, "group_by": ["line"], "targets": [{"target": "y"}]}
    told = check(tenant, {"kind": "meta", "tasks": tasks, "shots": 6})
    assert told["errors"] == []
    spec = told["spec"]
    assert spec["method"]["name"] == "maml"
    assert (spec["shots"], spec["queries"], spec["tasks"]["targets"][0]["type"]) == (6, 6, "regression")
    assert spec["evaluation"] == [{"ways": None, "shots": 6, "queries": 6, "episodes": 600, "steps": []}]
    assert check(tenant, spec)["spec"] == spec


def test_a_meta_job_tells_what_adapting_is_worth_and_leaves_a_model_that_adapts(tenant, lines):
    evaluation = [{"episodes": 10, "steps": [1, 3]}, {"shots": 2, "episodes": 10}]
    job = run_job(tenant, tenant.submit(by_line(lines, evaluation=evaluation))["id"])
    assert (job["status"], job["error"], job["result"]["test_predictions"]) == ("succeeded", None, None)
    told = job["result"]["tasks"]
    assert [*told] == ["4-shot", "2-shot"]
    first = told["4-shot"]
    assert first["test"].keys() == first["before"].keys() == first["margin"].keys() == FIGURES
    assert first["test"]["rmse"] == pytest.approx(first["test"]["mse"] ** 0.5)
    assert first["steps"].keys() == {"1", "3"}
    assert first["steps"]["1"]["mse"] == first["test"]["mse"]
    assert first["baselines"].keys() == {"no_adaptation", "ridge", "from_scratch"}
    assert "without adapting" in job["result"]["summary"]

    model = tenant.client.get(f"/v1/models/{job['model']}").json()
    assert (model["kind"], model["adaptable"], model["parents"]) == ("meta", True, [])
    assert model["tasks"] == [{"name": "y", "type": "regression", "metrics": first["test"]}]
    assert [column["name"] for column in model["inputs"]] == ["x"]
    assert model["method"]["name"] == "maml"

    card = tenant.client.get(f"/v1/models/{job['model']}/card")
    assert "4-shot" in card.text
    assert "2-shot" in card.text
    lineage = tenant.client.get(f"/v1/models/{job['model']}/lineage").json()
    assert {"source": lines, "target": job["id"], "relation": "reads"} in lineage["edges"]
    paged = tenant.client.get(f"/v1/jobs/{job['id']}/tasks").json()
    assert [one["name"] for one in paged["data"]] == ["4-shot", "2-shot"]


def test_the_score_of_every_episode_is_a_point_of_a_series(tenant, letters):
    job = run_job(tenant, tenant.submit(of_letters(letters, evaluation=[{"episodes": 25}]))["id"])
    answer = tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"name": "evaluation/0/accuracy"}).json()
    assert [point["step"] for point in answer["data"]] == [*range(25)]
    mean = np.mean([point["value"] for point in answer["data"]])
    assert job["result"]["tasks"]["3-way 2-shot"]["test"]["accuracy"] == pytest.approx(mean)
    losses = tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"name": "validation/loss"}).json()
    assert losses["data"]
    unknown = tenant.client.get(f"/v1/jobs/{job['id']}/metrics", params={"task": "3-way 2-shot"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown-task")


def test_a_meta_model_of_another_installation_is_imported_as_it_is(tenant, new_tenant, letters):
    job = run_job(tenant, tenant.submit(of_letters(letters, evaluation=[{"episodes": 10}]))["id"])
    model = tenant.client.get(f"/v1/models/{job['model']}").json()
    assert model["tasks"][0] == {"name": "letter", "type": "multiclass", "classes": None} | {
        "metrics": job["result"]["tasks"]["3-way 2-shot"]["test"]
    }
    file = tenant.client.get(f"/v1/models/{job['model']}/artifact").content
    other = new_tenant()
    headers = {"Content-Type": "application/octet-stream"}
    answer = other.client.post("/v1/models", content=file, headers=headers)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["kind"], found["adaptable"], found["sha256"]) == ("meta", True, model["sha256"])
    torn = other.client.post("/v1/models", content=file[:-4], headers=headers)
    assert (torn.status_code, torn.json()["code"]) == (422, "model-invalid")


def test_jobs_that_need_answers_refuse_a_meta_model(tenant, letters):
    job = run_job(tenant, tenant.submit(of_letters(letters, evaluation=[{"episodes": 10}]))["id"])
    answer = tenant.client.post("/v1/jobs", json={"kind": "predict", "model": job["model"], "dataset": letters})
    assert (answer.status_code, answer.json()["code"]) == (422, "not-adapted")
    answer = tenant.client.post(f"/v1/models/{job['model']}/predictions", json={"rows": [{"a": 1.0, "b": 2.0}]})
    assert (answer.status_code, answer.json()["code"]) == (409, "not-adapted")


def test_meta_training_goes_on_from_a_stored_model_which_is_its_parent(tenant, letters):
    first = run_job(tenant, tenant.submit(of_letters(letters, evaluation=[{"episodes": 10}]))["id"])["model"]
    tenant.client.put("/v1/aliases/letters", json={"model": first}).raise_for_status()
    job = tenant.submit(of_letters(letters, evaluation=[{"episodes": 10}], init="letters"))
    assert job["spec"]["init"] == first
    held = tenant.client.delete(f"/v1/models/{first}")
    assert (held.status_code, held.json()["code"]) == (409, "model-in-use")
    done = run_job(tenant, job["id"])
    assert tenant.client.get(f"/v1/models/{done['model']}").json()["parents"] == [first]
    unknown = tenant.client.post("/v1/jobs", json=of_letters(letters, init="mdl_01M7XK5QPNFJ1938XFDDC4PVGM"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "model-not-found")


def test_a_meta_job_is_reproduced_bit_for_bit(tenant, lines):
    job = run_job(tenant, tenant.submit(by_line(lines, evaluation=[{"episodes": 10}], baselines=False))["id"])
    again = tenant.client.post(f"/v1/jobs/{job['id']}/replay")
    assert again.status_code == 202, again.text
    told = run_job(tenant, again.json()["id"])
    assert (told["status"], told["result"]["reproduced"], told["result"]["max_abs_difference"]) == (
        "succeeded",
        True,
        0,
    )
