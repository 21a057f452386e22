"""T3: what an epoch of the recipe costs beside a loop written by hand, with metrics, checkpoints and progress on."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks.harness import Record, figure, ratios, take_turns, write
from benchmarks.recipe import DATASET, canonical, train

ROWS, HELD_OUT, INPUTS, TARGETS, BATCH, EPOCHS, ROUNDS = 20_000, 1_000, 21, 7, 256, 30, 9


def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """x [n, 21] and y [n, 7] for the training rows and twice the held-out ones."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS + 2 * HELD_OUT, INPUTS))
    y = np.tanh(x @ rng.normal(size=(INPUTS, 30))) @ rng.normal(size=(30, TARGETS)) + 0.1 * rng.normal(
        size=(len(x), TARGETS)
    )
    return x, y


def by_hand(x: torch.Tensor, y: torch.Tensor) -> float:
    """Seconds an epoch of the loop that one would write without us: shuffle, forward, loss, backward, step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(INPUTS, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, TARGETS))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, weight_decay=0.0)
    began = time.perf_counter()
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            loss = nn.functional.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return (time.perf_counter() - began) / EPOCHS


def by_recipe(table: Path, **training: float) -> float:
    """Seconds an epoch of the recipe, validation, checkpoints and reports included."""
    spec = {
        "kind": "multitask",
        "tasks": [
            {"name": f"y{j}", "dataset": DATASET, "target": f"y{j}", "type": "regression"} for j in range(TARGETS)
        ],
        "network": {"name": "mlp", "widths": [128, 128], "dropout": 0.0},
        "training": {"epochs": EPOCHS, "patience": EPOCHS, "batch_size": BATCH} | training,
        "split": {"column": "split"},
        "baselines": False,
    }
    return float(train(spec, table)["result"]["seconds"]["training"]) / EPOCHS


def main() -> None:
    torch.set_num_threads(1)
    x, y = data()
    columns: dict[str, Any] = {f"x{i}": x[:, i] for i in range(INPUTS)} | {f"y{j}": y[:, j] for j in range(TARGETS)}
    columns["split"] = ["train"] * ROWS + ["validation"] * HELD_OUT + ["test"] * HELD_OUT
    scaled = (y[:ROWS] - y[:ROWS].mean(0)) / y[:ROWS].std(0)
    inputs, targets = torch.tensor(x[:ROWS], dtype=torch.float32), torch.tensor(scaled, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        table = canonical(columns, Path(folder) / "table.parquet")
        samples = take_turns(
            {
                "by hand": lambda: by_hand(inputs, targets),
                "recipe": lambda: by_recipe(table, l2=0.0),
                "recipe with its default regulariser": lambda: by_recipe(table),
            },
            rounds=ROUNDS,
        )
    write(
        Record(
            name="t3",
            question=f"an epoch of {ROWS:,} × {INPUTS} → {TARGETS} targets, batch {BATCH}, against a loop written by hand",
            figures=[
                figure("same objective", ratios(samples["recipe"], samples["by hand"]), most=1.15),
                figure(
                    "with the default l2",
                    ratios(samples["recipe with its default regulariser"], samples["by hand"]),
                    most=1.15,
                ),
            ],
            samples=samples,
            notes=[
                f"Seconds an epoch, {EPOCHS} epochs a sample, one thread. The loop by hand validates, stores and reports nothing."
            ],
        )
    )


if __name__ == "__main__":
    main()
