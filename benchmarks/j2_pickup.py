"""J2: how soon an idle worker takes a job up, with Redis and without."""

import time
from contextlib import ExitStack

from benchmarks.harness import Record, figure, take_turns, write
from benchmarks.served import breast_cancer, service, tiny_job
from taskgraft import Taskgraft

ROUNDS = 40
NOBODY = "redis://127.0.0.1:9/0"  # a port on which no Redis answers


def milliseconds(client: Taskgraft, dataset: str) -> float:
    """From the 202 to the first answer that says ``running`` (or later), as a client sees it; the worker is idle."""
    job = client.submit(tiny_job(dataset, epochs=1, baselines=False))
    began = time.perf_counter()
    while job["status"] == "queued":
        job = client.job(job["id"], wait_seconds=10)
    picked_up = time.perf_counter() - began
    client.wait(job["id"])
    return 1000 * picked_up


def main() -> None:
    with ExitStack() as stack:
        sides = {}
        for name, settings in {
            "with Redis": {"TASKGRAFT_POLL_SECONDS": "5"},
            "without Redis, embedded": {"TASKGRAFT_REDIS_URL": NOBODY},
        }.items():
            client = stack.enter_context(service(**settings))
            dataset = client.upload(breast_cancer(), name="breast-cancer")["id"]
            sides[name] = lambda client=client, dataset=dataset: milliseconds(client, dataset)
        samples = take_turns(sides, rounds=ROUNDS, warmups=2)
    write(
        Record(
            name="j2",
            question="from the 202 to `running`, idle worker",
            figures=[
                figure("with Redis, polls 5 s apart", samples["with Redis"], most=150, unit="ms"),
                figure("without Redis", samples["without Redis, embedded"], most=1000, unit="ms"),
            ],
            samples=samples,
            notes=[
                "Seen by a client that waits; polls are 5 s apart with Redis, so that only the doorbell can be this fast."
            ],
        )
    )


if __name__ == "__main__":
    main()
