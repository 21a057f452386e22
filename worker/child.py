"""The life of one attempt's process: it runs the entry that its assignment names and reports over a pipe.

This side imports neither store nor Celery nor torch: the entry brings what it needs, preloaded in the forkserver.
"""

import importlib
import json
import math
import multiprocessing
import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from worker.messages import MAX_LOG_CHARACTERS, MAX_MESSAGE_BYTES, MAX_POINTS, StopReason, problem

#: What a child may know of its supervisor's environment (D5): where programs and devices are, never a secret.
KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "CUDA_VISIBLE_DEVICES",
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: Exit status of a child whose supervisor died.
ORPHANED = 3

Entry = Callable[[dict[str, Any], "PipeChannel"], dict[str, Any]]


class PipeChannel:
    """The recipe's way to speak to the supervisor; safe to use from several threads."""

    def __init__(self, pipe: Connection, *, preloaded: bool) -> None:
        self._pipe = pipe
        self._preloaded = preloaded
        self._sending = threading.Lock()
        self._stop: StopReason | None = None

    @property
    def stop(self) -> StopReason | None:
        """Why the supervisor asked this attempt to end, or None."""
        return self._stop

    def started(self, environment: Mapping[str, Any]) -> None:
        self.send({"type": "started", "environment": dict(environment), "preloaded": self._preloaded})

    def resumed(self, step: int) -> None:
        self.send({"type": "resumed", "step": step})

    def progress(self, progress: Mapping[str, Any]) -> None:
        self.send({"type": "progress", "progress": dict(progress)})

    def metrics(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Report points of series; a value that is no finite number is left out, JSON has no word for it."""
        told = [dict(point) for point in points if point["value"] is not None and math.isfinite(point["value"])]
        for start in range(0, len(told), MAX_POINTS):
            self.send({"type": "metrics", "points": told[start : start + MAX_POINTS]})

    def checkpoint(self, step: int, path: str, sha256: str) -> None:
        self.send({"type": "checkpoint", "step": step, "file": Path(path).name, "sha256": sha256})

    def log(self, level: str, message: str) -> None:
        self.send({"type": "log", "level": level, "message": message[:MAX_LOG_CHARACTERS].replace("\0", " ")})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message.

        Raises:
            ValueError: the message is larger than the supervisor would read, or holds a number that JSON has not.
        """
        body = json.dumps(message, allow_nan=False).encode()
        if len(body) > MAX_MESSAGE_BYTES:
            raise ValueError(f"expected a message of at most {MAX_MESSAGE_BYTES} bytes, found {len(body)}")
        with self._sending:
            self._pipe.send_bytes(body)

    def watch(self) -> None:
        """Take stop orders until the supervisor is gone, and go with it: an orphan would train for nobody (D4)."""
        parent = multiprocessing.parent_process()
        assert parent is not None, "a child has a parent"
        try:
            while parent.sentinel not in wait([parent.sentinel, self._pipe]):
                self._stop = json.loads(self._pipe.recv_bytes(MAX_MESSAGE_BYTES))["reason"]
        except (EOFError, OSError):
            pass
        os._exit(ORPHANED)


def main(pipe: Connection, assignment: bytes) -> None:
    """Run one assignment to its end; the process's first and last function."""
    os.setsid()  # the supervisor kills the whole session, so nothing that a library started survives
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in set(os.environ).difference(KEPT_VARIABLES, THREAD_VARIABLES, ["PYTHONPATH"]):
        del os.environ[name]
    order = json.loads(assignment)
    os.chdir(order["folder"])
    # asked before the entry is imported: afterwards it is always there
    channel = PipeChannel(pipe, preloaded=all(name in sys.modules for name in order["preload"]))
    threading.Thread(target=channel.watch, name="watch", daemon=True).start()
    channel.send({"type": "ended", **_run(order, channel)})


def warm(assignment: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:  # noqa: ARG001 (an entry's signature)
    """Do nothing, as the first child of a worker: it pays for the forkserver's imports and says whether they worked."""
    channel.started({})
    return {"outcome": "succeeded"}


def _run(order: dict[str, Any], channel: PipeChannel) -> dict[str, Any]:
    try:
        return _load(order["entry"])(order, channel)
    except MemoryError:
        traceback.print_exc()
        error = problem("out-of-memory", "The attempt needed more memory than this worker has.", category="capacity")
    except Exception:  # whatever a recipe raises is an ending; the operator finds the trace in the worker's log
        traceback.print_exc()
        error = problem(
            "internal-error", "The attempt met an error of the service; its log tells more.", category="server"
        )
    return {"outcome": "failed", "error": error}


def _load(entry: str) -> Entry:
    """Return the function that ``package.module:function`` names."""
    module, _, function = entry.partition(":")
    found: Entry = getattr(importlib.import_module(module), function)
    return found
