"""A service of the benchmark's own, and the tiny job that several of them send to it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer

from taskgraft import Taskgraft
from taskgraft.up import Service


@contextmanager
def service(**settings: str) -> Iterator[Taskgraft]:
    """`taskgraft up` in a temporary folder, told nothing but ``settings``."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TASKGRAFT_")}
    with (
        tempfile.TemporaryDirectory(prefix="taskgraft-bench-") as folder,
        Service(Path(folder) / "data", environment=clean | settings) as running,
        Taskgraft(running.url, running.key) as client,
    ):
        yield client


def breast_cancer() -> dict[str, list[Any]]:
    """569 rows, 30 numbers, and a class as text."""
    table = load_breast_cancer()
    columns = {
        str(name).replace(" ", "_"): table.data[:, index].tolist() for index, name in enumerate(table.feature_names)
    }
    return columns | {"diagnosis": ["benign" if label else "malignant" for label in table.target]}


def tiny_job(dataset: str, *, epochs: int = 20, baselines: bool = True) -> dict[str, Any]:
    return {
        "kind": "multitask",
        "tasks": [{"name": "diagnosis", "dataset": dataset, "target": "diagnosis", "type": "binary"}],
        "network": {"name": "mlp", "widths": [128, 128]},
        "training": {"epochs": epochs, "patience": epochs},
        "baselines": baselines,
    }
