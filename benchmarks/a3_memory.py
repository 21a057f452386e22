"""A3: whether memory stays flat over a hundred thousand adaptations."""

import json
from typing import Any

import psutil

from benchmarks.fewshot import Connection, meta_model, started, task
from benchmarks.harness import Record, figure, write

#: One at a time, then so many requests of a thousand supports.
ALONE, BATCHES, SUPPORTS = 10_000, 90, 1_000
METHOD: dict[str, Any] = {"name": "protonet"}


def main() -> None:
    shared = {"target": "letter", "store": False}
    tasks = [task(seed, queries=1) for seed in range(1, SUPPORTS + 1)]
    alone = [json.dumps({**one, **shared}).encode() for one in tasks[:100]]
    supports = {f"t{number}": {**one["support"], "query": one["query"]} for number, one in enumerate(tasks)}
    together = json.dumps({"supports": supports, **shared}).encode()
    with started() as (client, running, data):
        process = psutil.Process(json.loads((data / "service.json").read_text())["pids"]["api"])
        connection = Connection(running.url, running.key)
        path = f"/v1/models/{meta_model(client, METHOD)}/adaptations"
        for body in [*alone, *[together] * 5]:  # what is kept for good is taken by then
            connection.post(path, body)
        sizes = [process.memory_info().rss]
        for number in range(ALONE):
            connection.post(path, alone[number % len(alone)])
            if number % 1_000 == 999:
                sizes.append(process.memory_info().rss)
        for _ in range(BATCHES):
            connection.post(path, together)
            sizes.append(process.memory_info().rss)
    mib = [size / 2**20 for size in sizes]
    write(
        Record(
            name="a3",
            question="resident memory of the API over 100,000 adaptations",
            figures=[
                figure("at the end over before", [mib[-1] / mib[0]], least=0.95, most=1.05),
                figure("MiB at the end", [mib[-1]], unit="MiB"),
            ],
            samples={"MiB": mib},
            notes=[
                f"After a warm-up of 5,100: {ALONE:,} adaptations one at a time, then {BATCHES} requests of {SUPPORTS:,} supports. "
                "5 ways, 5 shots, 16 numbers, MLP 64-64, protonet, with the check; nothing stored."
            ],
        )
    )


if __name__ == "__main__":
    main()
