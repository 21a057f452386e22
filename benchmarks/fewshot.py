"""What the benchmarks of adaptation share: a meta-model of an MLP, made by a job, tasks that it has not seen, and a bare connection."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from taskgraft import Taskgraft
from taskgraft.embedded import free_port
from taskgraft.up import Service

FEATURES, CLASSES, ROWS = 16, 60, 20
WAYS, SHOTS, QUERIES = 5, 5, 15
NETWORK = {"name": "mlp", "widths": [64, 64], "dropout": 0.0}
_START_SECONDS = 30.0


@contextmanager
def started() -> Iterator[tuple[Taskgraft, Service, Path]]:
    """A service of the benchmark's own: its client, itself, and its data folder."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TASKGRAFT_")}
    with tempfile.TemporaryDirectory(prefix="taskgraft-bench-") as folder:
        data = Path(folder) / "data"
        with (
            Service(data, environment=clean | {"TASKGRAFT_THREADS": "1"}) as running,
            Taskgraft(running.url, running.key) as client,
        ):
            yield client, running, data


def classes(*, seed: int, ways: int, rows: int) -> dict[str, list[Any]]:
    """Classes around places of their own, as columns ``x0`` … and ``letter``."""
    random = np.random.default_rng(seed)
    points = np.repeat(random.normal(0, 2, (ways, FEATURES)), rows, axis=0) + random.normal(
        size=(ways * rows, FEATURES)
    )
    columns: dict[str, list[Any]] = {f"x{j}": points[:, j].round(4).tolist() for j in range(FEATURES)}
    return columns | {"letter": [f"c{seed}-{way}" for way in range(ways) for _ in range(rows)]}


def meta_model(client: Taskgraft, method: dict[str, Any]) -> str:
    """The id of a meta-model; how well it was trained costs nothing here."""
    dataset = client.upload(classes(seed=0, ways=CLASSES, rows=ROWS), name="letters")["id"]
    job = client.submit(
        {
            "kind": "meta",
            "episodes": {"dataset": dataset, "target": "letter", "ways": WAYS, "shots": SHOTS, "queries": 10},
            "method": method,
            "network": NETWORK,
            "training": {"iterations": 50, "tasks_per_batch": 8},
            "baselines": False,
        }
    )
    return str(client.result(job["id"])["model"])


def task(seed: int, *, queries: int = QUERIES) -> dict[str, Any]:
    """A 5-way 5-shot task: ``support`` and unlabelled ``query``, as columns."""
    drawn = classes(seed=seed, ways=WAYS, rows=SHOTS + queries)
    place = np.arange(WAYS * (SHOTS + queries)).reshape(WAYS, -1)
    support, query = place[:, :SHOTS].ravel(), place[:, SHOTS:].ravel()
    own = {name: [values[at] for at in support] for name, values in drawn.items()}
    asked = {name: [values[at] for at in query] for name, values in drawn.items() if name != "letter"}
    return {"support": {"columns": own}, "query": {"columns": asked}}


class Connection:
    """One kept-alive connection without a client's own work, for times of milliseconds."""

    def __init__(self, url: str, key: str = "") -> None:
        address = urlsplit(url)
        self._http = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: bytes) -> tuple[float, dict[str, Any]]:
        """Milliseconds from the request to the last byte of the answer, and the answer. A connection that the server closed
        while other sides had their turn is opened again, and the request measured anew."""
        try:
            took, status, text = self._timed(path, body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self._http.close()
            took, status, text = self._timed(path, body)
        if status not in (200, 201):
            raise RuntimeError(f"expected a good answer, found {status}: {text[:300]!r}")
        return took, json.loads(text)

    def _timed(self, path: str, body: bytes) -> tuple[float, int, bytes]:
        began = time.perf_counter()
        self._http.request("POST", path, body, self._headers)
        answer = self._http.getresponse()
        text = answer.read()
        return 1000 * (time.perf_counter() - began), answer.status, text


@contextmanager
def hello() -> Iterator[str]:
    """The address of the least that this web framework can do."""
    port = free_port("127.0.0.1")
    code = (
        "import uvicorn, fastapi\n"
        "app = fastapi.FastAPI()\n"
        "@app.post('/')\n"
        "async def hello(): return {'hello': 'world'}\n"
        f"uvicorn.run(app, port={port}, log_level='error', access_log=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _START_SECONDS
        while True:
            try:
                httpx.post(url, timeout=1)
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait()
