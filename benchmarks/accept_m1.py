"""M1: second-order MAML on sinusoids over HTTP: how far from a new wave after ten of its points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.acceptance import mean, trained
from benchmarks.harness import Record, figure, write
from benchmarks.served import service
from taskgraft import Taskgraft

Floats = NDArray[np.float64]

WAVES, POINTS, SHOTS, ITERATIONS = 20_000, 20, 10, 20_000
TESTED, ASKED, AT_ONCE, STEPS = 600, 100, 100, (1, 5)
MOST_SECONDS = 180.0


def waves(random: np.random.Generator, count: int, points: int) -> tuple[Floats, Floats]:
    """x and y ``[count, points]`` of y = A sin(x − φ): Finn et al. 2017, section 5.1."""
    height, phase = random.uniform(0.1, 5.0, (count, 1)), random.uniform(0.0, np.pi, (count, 1))
    x = random.uniform(-5.0, 5.0, (count, points))
    return x, height * np.sin(x - phase)


def job(dataset: str) -> dict[str, Any]:
    """The job of docs/examples/8-sinusoids.md."""
    return {
        "kind": "meta",
        "name": "waves",
        "tasks": {"dataset": dataset, "group_by": ["wave"], "targets": [{"target": "y", "type": "regression"}]},
        "shots": SHOTS,
        "queries": POINTS - SHOTS,
        "network": {"name": "mlp", "widths": [40, 40], "dropout": 0.0},
        "method": {"name": "maml", "inner_steps": 1, "inner_rate": 0.01},
        "training": {
            "iterations": ITERATIONS,
            "tasks_per_batch": 25,
            "learning_rate": 0.005,
            "schedule": "cosine",
        },
        "baselines": False,
    }


def errors(client: Taskgraft, model: str, x: Floats, y: Floats, steps: int) -> list[float]:
    """The squared error of each new wave at the points after the first ten."""
    found: list[float] = []
    for start in range(0, len(x), AT_ONCE):
        supports = {
            f"w{i}": {
                "columns": {"x": x[i, :SHOTS].tolist(), "y": y[i, :SHOTS].tolist()},
                "query": {"columns": {"x": x[i, SHOTS:].tolist()}},
            }
            for i in range(start, start + AT_ONCE)
        }
        told = client.adapt(model, supports=supports, target="y", steps=steps, store=False)["adaptations"]
        for i in range(start, start + AT_ONCE):
            answered = np.array(told[f"w{i}"]["predictions"]["y"]["values"])
            found.append(float(np.mean((answered - y[i, SHOTS:]) ** 2)))
    return found


def main() -> None:
    random = np.random.default_rng(0)
    x, y = waves(random, WAVES, POINTS)
    lines = [f"w{i // POINTS},{a:.6f},{b:.6f}" for i, (a, b) in enumerate(zip(x.ravel(), y.ravel(), strict=True))]
    with service() as client:
        table = ("wave,x,y\n" + "\n".join(lines) + "\n").encode()
        done = trained(client, job(client.upload(table, name="waves", media_type="text/csv")["id"]))
        x, y = waves(random, TESTED, SHOTS + ASKED)
        found = {steps: errors(client, done["model"], x, y, steps) for steps in STEPS}
    seconds = done["result"]["seconds"]["training"]
    write(
        Record(
            name="m1",
            question="sinusoids, MAML: squared error on a new wave from ten points; 3.006 without adapting",
            figures=[
                mean("after one step; paper 0.77, plain code 0.348", found[1], most=0.5, unit="MSE"),
                mean("after five steps", found[5], unit="MSE"),
                figure("seconds of training", [seconds], most=MOST_SECONDS, unit="s"),
            ],
            samples={f"after {steps} steps": values for steps, values in found.items()},
            notes=[
                f"METHODS M1, as docs/examples/8-sinusoids.md: {ITERATIONS:,} iterations of 25 waves, one inner step of 0.01, one "
                f"thread; other work ran on the machine. {TESTED} new waves of {ASKED} further points each, "
                "adapted over HTTP; mean and 95 % interval over waves. The plain code had 60,000 "
                "iterations (0.627 after 5,000), the paper 70,000.",
            ],
        )
    )


if __name__ == "__main__":
    main()
