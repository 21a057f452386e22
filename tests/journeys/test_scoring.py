"""Stored models asked about whole datasets, by the real worker."""

import io

import pytest
from rich.console import Console

from taskgraft import Taskgraft, report
from tests.journeys.lifecycle import ROWS, endless, job, short, upload


@pytest.fixture(scope="module")
def client(service):
    with Taskgraft(*service) as client:
        yield client


@pytest.fixture(scope="module")
def dataset(client):
    return upload(client)


@pytest.fixture(scope="module")
def model(client, dataset):
    return client.result(client.submit(short(dataset))["id"])["model"]


def test_a_batch_prediction_passes_a_training_and_its_answers_are_a_dataset(client, dataset, model):
    training = client.submit(endless(dataset))["id"]

    done = client.result(client.submit({"kind": "predict", "name": "all", "model": model, "dataset": dataset})["id"])

    assert client.job(training)["status"] in ("queued", "running")
    client.cancel(training)
    assert done["model"] is None
    assert (done["result"]["rows"], done["result"]["warnings"]) == (ROWS, [])
    assert "test_predictions" not in done["result"]
    made = client.get(f"/v1/datasets/{done['dataset']}")
    assert (made["name"], made["rows"]) == ("all predictions", ROWS)
    row = client.get(f"/v1/datasets/{done['dataset']}/rows", limit=1)["data"][0]
    asked = client.get(f"/v1/datasets/{dataset}/rows", limit=1)["data"][0]
    inputs = {name: asked[name] for name in asked if name.startswith("x")}
    live = client.predict(model, [inputs])["predictions"]
    assert row["predicted_y"] == pytest.approx(live["y"]["values"][0], rel=1e-5)
    assert row["predicted_late"] == live["late"]["labels"][0]


def test_two_models_are_compared_on_the_rows_of_a_dataset(client, dataset, model):
    better = client.result(client.submit(job(dataset, epochs=8, name="longer"))["id"])["model"]

    done = client.result(client.submit({"kind": "evaluate", "models": [model, better], "dataset": dataset})["id"])

    told = done["result"]["tasks"]["y"]
    (difference,) = told["differences"]
    assert (difference["model"], difference["against"]) == (better, model)
    assert told["models"][better]["rmse"] < told["models"][model]["rmse"]
    assert 0 < difference["interval"][0] < difference["gain"] < difference["interval"][1]
    assert [task["name"] for task in client.pages(f"/v1/jobs/{done['id']}/tasks")] == ["y", "late"]
    assert client.get(f"/v1/datasets/{done['dataset']}")["rows"] == 2 * 2 * ROWS
    report.show(done, console=Console(file=(paper := io.StringIO()), width=120))
    assert better in paper.getvalue()
