"""T6: does a row cost the same in a job of 1,000 groups as in one of 100?"""

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.harness import Figure, Record, figure, ratios, take_turns, write
from benchmarks.recipe import DATASET, canonical, train

INPUTS, EPOCHS, ROUNDS = 10, 10, 5
SPEC = {
    "kind": "multitask",
    "tasks": {
        "dataset": DATASET,
        "group_by": ["group"],
        "targets": [{"target": "y", "type": "regression"}, {"target": "c", "type": "binary"}],
    },
    "network": {"name": "mlp", "widths": [64, 64]},
    "training": {"epochs": EPOCHS, "patience": EPOCHS},
}


def table(groups: int, rows_a_group: int, path: Path) -> Path:
    """A regression and a binary target in each group, every group with slopes of its own."""
    rng = np.random.default_rng(groups)
    group = np.repeat(np.arange(groups), rows_a_group)
    x = rng.normal(size=(len(group), INPUTS))
    slopes = rng.normal(size=INPUTS) + 0.3 * rng.normal(size=(groups, INPUTS))
    y = (x * slopes[group]).sum(1) + rng.normal(size=len(group))
    columns = {f"x{i}": x[:, i] for i in range(INPUTS)} | {"y": y}
    return canonical(
        {**columns, "c": ["yes" if value > 0 else "no" for value in y], "group": [f"g{g}" for g in group]}, path
    )


def microseconds_a_row(path: Path, rows: int, *, baselines: bool) -> tuple[float, float]:
    """Of training per epoch, and of the whole attempt."""
    began = time.perf_counter()
    result = train({**SPEC, "baselines": baselines}, path)["result"]
    whole = time.perf_counter() - began
    return 1e6 * result["seconds"]["training"] / EPOCHS / rows, 1e6 * whole / rows


def compare(few: tuple[Path, int], many: tuple[Path, int], *, baselines: bool) -> dict[str, list[float]]:
    part = 1 if baselines else 0
    return take_turns(
        {
            "100 groups": lambda: microseconds_a_row(*few, baselines=baselines)[part],
            "1000 groups": lambda: microseconds_a_row(*many, baselines=baselines)[part],
        },
        rounds=ROUNDS,
    )


def main() -> None:
    figures: list[Figure] = []
    samples: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for shape, sizes in {
            "60,000 rows in both": ((100, 600), (1000, 60)),
            "60 rows a group in both": ((100, 60), (1000, 60)),
        }.items():
            few, many = (
                (table(groups, rows, Path(folder) / f"{groups}-{rows}.parquet"), groups * rows)
                for groups, rows in sizes
            )
            for baselines, part in ((False, "training, an epoch"), (True, "whole attempt with every baseline")):
                taken = compare(few, many, baselines=baselines)
                figures.append(figure(f"{part}; {shape}", ratios(taken["1000 groups"], taken["100 groups"]), most=1.2))
                samples |= {f"{part}; {shape}; {side}": values for side, values in taken.items()}
    write(
        Record(
            name="t6",
            question="cost of a row with 1,000 groups against 100",
            figures=figures,
            samples=samples,
            notes=[
                "Microseconds a row, two targets a group, one thread. Below 1: fixed costs spread over ten times the rows."
            ],
        )
    )


if __name__ == "__main__":
    main()
