"""Pictures, from the archive to the answer for one of them, by the real worker."""

import pytest

from taskgraft import Taskgraft
from tests.app.pictures import archive, of_images

COUNT = 40


@pytest.fixture(scope="module")
def client(service):
    with Taskgraft(*service) as client:
        yield client


def test_an_archive_becomes_a_model_that_answers_for_the_pictures_that_its_dataset_shows(client, tmp_path):
    path = tmp_path / "bars.zip"
    path.write_bytes(archive(COUNT))
    dataset = client.upload(path)["id"]
    training = {"epochs": 12, "batch_size": 16, "patience": 12}

    done = client.result(client.submit(of_images(dataset, training=training, baselines=False, seed=1))["id"])

    shown = client.get(f"/v1/datasets/{dataset}/rows", limit=2 * COUNT)["data"]
    assert len(shown) == 2 * COUNT
    answers = client.predict(done["model"], [{"image": row["image"]} for row in shown])["predictions"]["kind"]["labels"]
    right = sum(answer == row["label"] for answer, row in zip(answers, shown, strict=True))
    assert right >= 0.8 * len(shown), f"expected most bars to be told apart, found {right} of {len(shown)}"
