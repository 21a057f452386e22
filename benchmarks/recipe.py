"""The training recipe in this process, as a child runs it: the same assignment, a channel that keeps nothing."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from worker.training.attempt import run

DATASET = "ds_benchmark"


class Silence:
    """A channel on which messages are sent and nobody listens."""

    stop = None

    def __init__(self) -> None:
        self.messages = 0

    def started(self, environment: Mapping[str, Any]) -> None:
        self.messages += 1

    def resumed(self, step: int) -> None:
        self.messages += 1

    def progress(self, progress: Mapping[str, Any]) -> None:
        self.messages += 1

    def metrics(self, points: Sequence[Mapping[str, Any]]) -> None:
        self.messages += len(points)

    def checkpoint(self, step: int, path: str, sha256: str) -> None:
        self.messages += 1

    def log(self, level: str, message: str) -> None:
        self.messages += 1


def canonical(columns: Mapping[str, Any], path: Path) -> Path:
    """The table as ingest would store it: numbers as float64, text as categories, each field with its type."""
    arrays, fields = [], []
    for name, values in columns.items():
        number = np.asarray(values).dtype.kind in "fiu"
        array = pa.array(np.asarray(values, dtype=np.float64)) if number else pa.array([str(value) for value in values])
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={b"type": b"number" if number else b"category"}))
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path, compression="zstd")
    return path


def train(spec: Mapping[str, Any], table: Path) -> dict[str, Any]:
    """Run one attempt; → its ``result.json``.

    Raises:
        RuntimeError: it did not succeed.
    """
    with tempfile.TemporaryDirectory(prefix="taskgraft-bench-") as folder:
        work, checkpoints = Path(folder) / "work", Path(folder) / "checkpoints"
        work.mkdir()
        checkpoints.mkdir()
        assignment = {
            "job": "job_benchmark",
            "attempt": 1,
            "kind": "multitask",
            "spec": dict(spec),
            "datasets": {DATASET: str(table)},
            "folder": str(work),
            "checkpoints": [],
            "checkpoint_folder": str(checkpoints),
            "models": {},
            "threads": 1,
        }
        ended = run(assignment, Silence())
        if ended["outcome"] != "succeeded":
            raise RuntimeError(f"expected the attempt to succeed, found {ended}")
        return dict(json.loads((work / ended["files"]["result"]).read_text(encoding="utf-8")))
