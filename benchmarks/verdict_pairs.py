"""Networks trained alone under many seeds, and the comparisons that can be made of them: the ground of H1 and H2.

What is compared is the recipe's own single-task training with itself, so the truth is known: the arms differ by their
seeds alone, but for the gain that H2 plants.
"""

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.recipe import DATASET, canonical
from benchmarks.verdict_tables import Job, jobs
from learning.planning import plan
from learning.specs import parse_job
from learning.tables import Table
from learning.tasks import Metric
from worker.training.baselines.single_task import Alone, single_task
from worker.training.prepare import prepare

#: One shared seed and three alone make a pair; this many pairs of a task on one split, of seeds of their own. Some of the
#: `PAIRS` cannot be compared (no errors to speak of), and 500 must be left.
BLOCKS, SHARED, ALONE = 2, 1, 3
#: The same trainings as one job of three repeats.
REPEATS = 3
PAIRS = 550


@dataclass(frozen=True, eq=False)
class Arms:
    """One task of one job: its test labels and the outputs of both arms."""

    metric: Metric
    labels: NDArray[np.float64]
    shared: list[NDArray[np.float64]]
    alone: list[NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Trained:
    """The tasks of one table on one split under one block of seeds: one job's worth of verdicts, of so many repeats."""

    table: str
    repeats: int
    tasks: Sequence[Arms]


def trained(seed: int) -> list[Trained]:
    """Train at least `PAIRS` pairs of one repeat; ``seed`` draws splits and first weights.

    Once more in three repeats, half as many: from the same trainings, so the two are not independent.
    """
    torch.set_num_threads(1)
    chosen = list(jobs())
    splits = math.ceil(PAIRS / (BLOCKS * sum(len(job.tasks) for job in chosen)))
    found = []
    for job in chosen:
        began = time.perf_counter()
        for split in range(splits):
            found += _blocks(job, seed + split)
        print(f"  {job.name}: {len(job.tasks)} tasks, {splits} splits, {time.perf_counter() - began:.0f} s", flush=True)
    return found


def _blocks(job: Job, seed: int) -> list[Trained]:
    spec = parse_job(
        {
            "kind": "multitask",
            "tasks": [
                {"dataset": DATASET, "target": target, "type": kind, "metric": metric}
                for target, (kind, metric) in job.tasks.items()
            ],
            "seed": seed,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        tables = {DATASET: Table(DATASET, canonical(job.columns, Path(folder) / "table.parquet"))}
        planned = plan(spec, tables)
        if planned.problems:
            raise ValueError(f"expected a job that fits {job.name}, found {planned.problems}")
        prepared = prepare(planned, tables)
    outputs = single_task(
        prepared.encoded,
        prepared.tasks,
        Alone(
            network=spec.network,
            inputs=prepared.inputs,
            training=spec.training,
            seed=seed,
            repeats=BLOCKS * (SHARED + ALONE),
            device=torch.device("cpu"),
            stop=lambda: False,
            progress=lambda _: None,
        ),
    )
    found = []
    for start, repeats in [(block * (SHARED + ALONE), SHARED) for block in range(BLOCKS)] + [(0, REPEATS)]:
        middle = start + repeats
        arms = [
            Arms(task.metric, data.test.labels, own[start:middle], own[middle : middle + ALONE])
            for task, data, own in zip(planned.tasks, prepared.tasks, outputs, strict=True)
        ]
        found.append(Trained(job.name, repeats, arms))
    return found


def rate(hits: Sequence[bool]) -> tuple[float, float, float]:
    """Return the share of hits with its 95 % interval (Wilson 1927), all in per cent."""
    n, share, z = len(hits), float(np.mean(hits)), 1.96
    centre, reach = share + z**2 / (2 * n), z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((centre + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))
    return 100 * share, 100 * low, 100 * high
