"""Stored models asked about whole datasets, by the real worker."""

import pytest

from taskgraft import Taskgraft
from tests.journeys.lifecycle import ROWS, endless, short, upload


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

    job = client.result(client.submit({"kind": "predict", "name": "all", "model": model, "dataset": dataset})["id"])

    assert client.job(training)["status"] in ("queued", "running")
    client.cancel(training)
    assert job["model"] is None
    assert (job["result"]["rows"], job["result"]["warnings"]) == (ROWS, [])
    assert "test_predictions" not in job["result"]
    made = client.get(f"/v1/datasets/{job['dataset']}")
    assert (made["name"], made["rows"]) == ("all predictions", ROWS)
    row = client.get(f"/v1/datasets/{job['dataset']}/rows", limit=1)["data"][0]
    asked = client.get(f"/v1/datasets/{dataset}/rows", limit=1)["data"][0]
    inputs = {name: asked[name] for name in asked if name.startswith("x")}
    live = client.predict(model, [inputs])["predictions"]
    assert row["predicted_y"] == pytest.approx(live["y"]["values"][0], rel=1e-5)
    assert row["predicted_late"] == live["late"]["labels"][0]
