"""What the lifecycle tests train on, and how they look at the processes of a service."""

import json
import math
import random
from pathlib import Path
from typing import Any

import psutil

from taskgraft import Taskgraft
from taskgraft.up import Service

ROWS = 8000


def upload(client: Taskgraft) -> str:
    """A table with a regression and a binary target; the same in every run."""
    rng = random.Random(0)
    columns: dict[str, list[float]] = {f"x{i}": [rng.gauss(0, 1) for _ in range(ROWS)] for i in range(10)}
    signal = [2 * a - b + math.sin(3 * c) for a, b, c in zip(columns["x0"], columns["x1"], columns["x2"], strict=True)]
    columns["y"] = [value + rng.gauss(0, 0.5) for value in signal]
    columns["late"] = [float(value + rng.gauss(0, 1) > 0) for value in signal]
    return str(client.upload(columns, name="lifecycle")["id"])


def job(dataset: str, *, epochs: int, name: str = "lifecycle") -> dict[str, Any]:
    """Two tasks on that table, trained for exactly ``epochs``."""
    targets = {"y": "regression", "late": "binary"}
    return {
        "kind": "multitask",
        "name": name,
        "tasks": [
            {"name": target, "dataset": dataset, "target": target, "type": kind} for target, kind in targets.items()
        ],
        "network": {"name": "mlp", "widths": [64, 64]},
        "training": {"epochs": epochs, "batch_size": 128, "patience": epochs},
        "baselines": False,
        "seed": 1,
    }


def short(dataset: str) -> dict[str, Any]:
    """A job of a second or so."""
    return job(dataset, epochs=1, name="short")


def endless(dataset: str) -> dict[str, Any]:
    """A job that no test waits for."""
    return job(dataset, epochs=10_000, name="endless")


def pids(running: Service) -> dict[str, int]:
    """The parts' process ids as ``service.json`` tells them."""
    told: dict[str, int] = json.loads(running.folder.service_file.read_text())["pids"]
    return told


def family(*roots: int) -> list[psutil.Process]:
    """These processes and all below them."""
    found = [psutil.Process(pid) for pid in roots]
    return [*found, *(child for one in found for child in one.children(recursive=True))]


def living(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not."""
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def checkpoints(running: Service, job_id: str) -> list[Path]:
    """The checkpoints that lie in the job's folder."""
    return sorted((running.folder.path / "artifacts" / "checkpoints" / job_id).glob("*.safetensors"))
