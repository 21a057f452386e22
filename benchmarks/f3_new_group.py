"""F3: a new group of a grouped model from 30 rows: adapted, stored, and its first prediction."""

import json
import time

import numpy as np

from benchmarks.fewshot import Connection, started
from benchmarks.harness import Record, figure, write
from taskgraft import Taskgraft

ROUNDS, ROWS, GROUPS, FEATURES = 40, 30, 50, 8


def shop(seed: int, rows: int) -> dict[str, list[float]]:
    """A shop's days: eight numbers, and two targets that follow them with weights of its own."""
    random = np.random.default_rng(seed)
    x, own = random.normal(size=(rows, FEATURES)), random.normal(1.0, 0.3, FEATURES)
    columns = {f"x{j}": x[:, j].round(4).tolist() for j in range(FEATURES)}
    demand = x @ own + random.normal(0, 0.1, rows)
    return columns | {"demand": demand.round(4).tolist(), "returns": (0.3 * demand).round(4).tolist()}


def grouped_model(client: Taskgraft) -> str:
    """A model of fifty shops and two targets."""
    table: dict[str, list[object]] = {"shop": []}
    for number in range(GROUPS):
        for name, values in shop(number, 60).items():
            table.setdefault(name, []).extend(values)
        table["shop"] += [f"s{number}"] * 60
    dataset = client.upload(table, name="shops")["id"]
    tasks = {"dataset": dataset, "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "returns"}]}
    network = {"name": "mlp", "widths": [64, 64]}
    job = client.submit(
        {"kind": "multitask", "tasks": tasks, "network": network, "training": {"epochs": 10}, "baselines": False}
    )
    return str(client.result(job["id"])["model"])


def main() -> None:
    with started() as (client, running, _):
        connection = Connection(running.url, running.key)
        model = grouped_model(client)

        def live(number: int) -> tuple[float, float]:
            """Milliseconds until the group answers, and of them until it is stored."""
            rows = shop(1_000 + number, ROWS)
            body = {
                "support": {"columns": rows},
                "task_key": {"shop": f"new{number}"},
                "targets": ["demand", "returns"],
            }
            text = json.dumps(body).encode()
            began = time.perf_counter()
            child = connection.post(f"/v1/models/{model}/adaptations", text)[1]["model"]["id"]
            stored = 1000 * (time.perf_counter() - began)
            row = {name: values[0] for name, values in rows.items() if name.startswith("x")} | {"shop": f"new{number}"}
            connection.post(f"/v1/models/{child}/predictions", json.dumps({"rows": [row]}).encode())
            return 1000 * (time.perf_counter() - began), stored

        for number in range(3):
            live(number)
        taken = [live(number) for number in range(3, ROUNDS + 3)]
    write(
        Record(
            name="f3",
            question=f"a new group of {ROWS} rows live: adapted, stored, first prediction",
            figures=[
                figure("until the first prediction", [whole for whole, _ in taken], most=50, unit="ms"),
                figure("of that until it is stored", [stored for _, stored in taken], unit="ms"),
            ],
            samples={"live": [whole for whole, _ in taken], "stored": [stored for _, stored in taken]},
            notes=[
                f"A model of {GROUPS} shops with two targets, MLP 64-64; the embedded service on SQLite, every write synced."
            ],
        )
    )


if __name__ == "__main__":
    main()
