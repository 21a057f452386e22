"""A2: a thousand support sets in one request, against one request for each."""

import json
from functools import partial
from typing import Any

from benchmarks.fewshot import Connection, meta_model, started, task
from benchmarks.harness import Figure, Record, figure, ratios, take_turns, write

SUPPORTS, ROUNDS, QUERIES = 1_000, 5, 1
MISSED = (
    "Of a single request most is the work itself and little is HTTP: adapting, the leave-one-out check and reading the rows "
    "are paid for each support, so a request of a thousand saves what a pass over one task costs in calls. "
)
METHODS: dict[str, dict[str, Any]] = {"protonet": {"name": "protonet"}, "maml": {"name": "maml", "inner_rate": 0.05}}


def main() -> None:
    tasks = [task(seed, queries=QUERIES) for seed in range(1, SUPPORTS + 1)]
    shared = {"target": "letter", "store": False}
    alone = [json.dumps({**one, **shared}).encode() for one in tasks]
    supports = {f"t{number}": {**one["support"], "query": one["query"]} for number, one in enumerate(tasks)}
    together = json.dumps({"supports": supports, **shared}).encode()
    figures: list[Figure] = []
    samples: dict[str, list[float]] = {}
    with started() as (client, running, _):
        connection = Connection(running.url, running.key)
        for name, method in METHODS.items():
            path = f"/v1/models/{meta_model(client, method)}/adaptations"
            found = take_turns(
                {
                    f"{name}, one request": partial(seconds, connection, path, [together]),
                    f"{name}, one at a time": partial(seconds, connection, path, alone),
                },
                rounds=ROUNDS,
            )
            samples |= found
            gain = ratios(found[f"{name}, one at a time"], found[f"{name}, one request"])
            figures.append(figure(f"one at a time over one request, {name}", gain, least=10))
    figures += [figure(f"seconds, {name}", values, unit="s") for name, values in samples.items()]
    write(
        Record(
            name="a2",
            question=f"{SUPPORTS:,} support sets in one request, against one at a time",
            figures=figures,
            samples=samples,
            notes=[
                "Each support has 5 ways, 5 shots and 5 query rows of 16 numbers; MLP 64-64, with the check, nothing stored.",
                MISSED,
            ],
        )
    )


def seconds(connection: Connection, path: str, bodies: list[bytes]) -> float:
    return sum(connection.post(path, body)[0] for body in bodies) / 1000


if __name__ == "__main__":
    main()
