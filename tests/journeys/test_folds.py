"""A cross-validated job, from the split to the answers, by the real worker."""

import pytest

from taskgraft import Taskgraft
from tests.journeys.lifecycle import ROWS, short, upload


@pytest.fixture(scope="module")
def client(service):
    with Taskgraft(*service) as client:
        yield client


def test_every_row_is_answered_once_and_the_model_of_all_rows_serves(client):
    spec = short(upload(client)) | {"split": {"folds": 4}}

    done = client.result(client.submit(spec)["id"])

    tasks = done["result"]["tasks"]
    for told in tasks.values():
        assert told["rows"]["test"] == ROWS == told["rows"]["train"] + told["rows"]["validation"]
    answers = client.get(f"/v1/datasets/{done['result']['test_predictions']}")
    assert answers["rows"] == len(tasks) * ROWS
    model = client.get(f"/v1/models/{done['model']}")
    assert {task["name"]: task["metrics"] for task in model["tasks"]} == {name: t["test"] for name, t in tasks.items()}
    row = dict.fromkeys((column["name"] for column in model["inputs"]), 0.5)
    assert set(client.predict(done["model"], [row])["predictions"]) == set(tasks)
