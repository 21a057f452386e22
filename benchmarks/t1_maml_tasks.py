"""T1: what second-order MAML of a small network costs a task, beside a loop over the tasks."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.harness import Record, figure, ratios, take_turns, write
from benchmarks.meta_loop import Task, by_hand, by_recipe, prepared
from benchmarks.recipe import DATASET, canonical
from worker.training.episodes.material import Material

WAVES, POINTS, SHOTS, RATE, ROUNDS = 2_000, 20, 10, 0.01, 9
#: Tasks a batch → iterations of the recipe and of the loop in one sample, and how much faster a task has to be.
SIZES = {25: (400, 20, 5.0), 100: (200, 5, 13.0)}


def waves() -> dict[str, Any]:
    """y = A sin(x − φ): Finn et al. 2017, section 5.1."""
    rng = np.random.default_rng(0)
    height, phase = rng.uniform(0.1, 5.0, (WAVES, 1)), rng.uniform(0.0, np.pi, (WAVES, 1))
    x = rng.uniform(-5.0, 5.0, (WAVES, POINTS))
    wave = np.repeat([f"w{number}" for number in range(WAVES)], POINTS)
    return {"wave": wave, "x": x.ravel(), "y": (height * np.sin(x - phase)).ravel()}


def spec(tasks: int, iterations: int) -> dict[str, Any]:
    """The job; it validates every 100 iterations, as one of the default length does."""
    return {
        "kind": "meta",
        "tasks": {"dataset": DATASET, "group_by": ["wave"], "targets": [{"target": "y"}]},
        "shots": SHOTS,
        "network": {"name": "mlp", "widths": [40, 40], "dropout": 0.0},
        "method": {"name": "maml", "inner_steps": 1, "inner_rate": RATE},
        "training": {"iterations": iterations, "tasks_per_batch": tasks, "validate_every": 100},
    }


def main() -> None:
    columns = waves()
    x = torch.tensor(columns["x"], dtype=torch.float32).view(WAVES, POINTS, 1)
    y = torch.tensor(columns["y"], dtype=torch.float32).view(WAVES, POINTS, 1)

    def draw() -> Task:
        wave, order = int(torch.randint(WAVES, ())), torch.randperm(POINTS)
        support, query = order[:SHOTS], order[SHOTS:]
        return x[wave, support], y[wave, support], x[wave, query], y[wave, query]

    def loop(tasks: int, iterations: int) -> Callable[[], float]:
        model = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))
        return lambda: by_hand(model, draw, nn.functional.mse_loss, iterations=iterations, tasks=tasks, inner_rate=RATE)

    def recipe(rows: Material) -> Callable[[], float]:
        return lambda: by_recipe(rows)

    sides: dict[str, Callable[[], float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        table = canonical(columns, Path(folder) / "waves.parquet")
        for tasks, (iterations, of_loop, _) in SIZES.items():
            sides[f"loop, {tasks} tasks"] = loop(tasks, of_loop)
            sides[f"recipe, {tasks} tasks"] = recipe(prepared(spec(tasks, iterations), table))
        samples = take_turns(sides, rounds=ROUNDS)
    write(
        Record(
            name="t1",
            question="second-order MAML, MLP 1-40-40-1: tasks a second of the recipe against a loop over tasks",
            figures=[
                figure(
                    f"{tasks} tasks a batch",
                    ratios(samples[f"loop, {tasks} tasks"], samples[f"recipe, {tasks} tasks"]),
                    least=least,
                )
                for tasks, (_, _, least) in SIZES.items()
            ],
            samples=samples,
            notes=[
                "CPU seconds a task, one thread. The recipe draws episodes, validates every 100 iterations, writes checkpoints "
                "and reports; the loop draws rows and trains."
            ],
        )
    )


if __name__ == "__main__":
    main()
