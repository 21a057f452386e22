"""A job that is not waited for."""

from taskgraft.demo.stage import Stage
from taskgraft.errors import Document


def cancel(stage: Stage, dataset: Document) -> None:
    stage.console.rule("5. A job that takes too long is cancelled")
    service = stage.service
    job = service.submit(
        {
            "kind": "multitask",
            "name": "too long",
            "tasks": [{"name": "digit", "dataset": dataset["id"], "target": "digit"}],
            "training": {"epochs": 10_000, "patience": 10_000},
        }
    )
    while job["status"] == "queued":
        job = service.job(job["id"], wait_seconds=10)
    service.cancel(job["id"])
    ended = service.wait(job["id"])
    stage.say(f"{ended['name']}: {ended['status']}, no model ({ended['model']})")
