"""H2O-3 over its REST interface: the other side of J1. Installed by `make bench-h2o` only; it needs Java."""

import csv
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from taskgraft.embedded import free_port

ENVIRONMENT = Path(__file__).parents[1] / ".venv-h2o"
_START_SECONDS = 60
_POLL_SECONDS = 0.01


def jar() -> Path | None:
    """Its server, if this machine can run it."""
    found = sorted(ENVIRONMENT.glob("lib/python3*/site-packages/h2o/backend/bin/h2o.jar"))
    return found[0] if found and shutil.which("java") else None


class H2O:
    """One server with one table in it."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self.frame = ""

    def upload(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Post and parse a table: it is there before the clock starts, as ours is."""
        with tempfile.NamedTemporaryFile("w+", suffix=".csv", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
            file.flush()
            posted = self._post("/3/PostFile", files={"file": Path(file.name).read_bytes()})
        setup = self._post("/3/ParseSetup", data={"source_frames": f'["{posted["destination_frame"]}"]'})
        names = [f'"{name}"' for name in setup["column_names"]]
        kinds = [f'"{kind}"' for kind in setup["column_types"]]
        self.frame = setup["destination_frame"]
        parsed = self._post(
            "/3/Parse",
            data={
                "destination_frame": self.frame,
                "source_frames": f'["{posted["destination_frame"]}"]',
                "parse_type": setup["parse_type"],
                "separator": setup["separator"],
                "number_columns": setup["number_columns"],
                "single_quotes": setup["single_quotes"],
                "column_names": f"[{','.join(names)}]",
                "column_types": f"[{','.join(kinds)}]",
                "check_header": setup["check_header"],
                "chunk_size": setup["chunk_size"],
                "delete_on_done": "true",
            },
        )
        self._wait(parsed["job"]["key"]["name"])

    def train(self, target: str, *, widths: Sequence[int], epochs: int) -> float:
        """Seconds from the POST of a deep learning job to its end. It trains one model and no rivals."""
        began = time.perf_counter()
        started = self._post(
            "/3/ModelBuilders/deeplearning",
            data={
                "training_frame": self.frame,
                "response_column": target,
                "hidden": f"[{','.join(map(str, widths))}]",
                "epochs": epochs,
                "seed": 1,
            },
        )
        self._wait(started["job"]["key"]["name"])
        return time.perf_counter() - began

    def _wait(self, job: str) -> None:
        while True:
            state = self._http.get(f"/3/Jobs/{job}").raise_for_status().json()["jobs"][0]
            if state["status"] == "DONE":
                return
            if state["status"] in ("FAILED", "CANCELLED"):
                raise RuntimeError(f"expected H2O's job to end well, found {state['status']}: {state['exception']}")
            time.sleep(_POLL_SECONDS)

    def _post(self, path: str, **content: Any) -> dict[str, Any]:
        return dict(self._http.post(path, **content).raise_for_status().json())


@contextmanager
def running(server: Path, *, threads: int) -> Iterator[H2O]:
    """A server with so many threads, on a port of its own, gone afterwards."""
    port = free_port("127.0.0.1")
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [
                "java",
                "-Xmx2g",
                "-jar",
                str(server),
                "-ip",
                "127.0.0.1",
                "-port",
                str(port),
                "-nthreads",
                str(threads),
                "-name",
                f"bench{port}",
            ],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
                _await(http, process)
                yield H2O(http)
        finally:
            process.terminate()
            process.wait()


def _await(http: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if http.get("/3/Cloud").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"expected H2O to answer within {_START_SECONDS} s; it did not")
