"""Decoding in processes that may die: the requester's side. See ``zygote`` for the other."""

import atexit
import errno
import json
import os
import socket
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from store.ingest.description import Description
from store.ingest.errors import IngestError, refusal
from store.ingest.limits import IngestLimits, IngestOptions, as_json
from store.ingest.wire import READY, WALL

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
GRACE_SECONDS = 10.0  # after the wall time: the zygote kills and reports in milliseconds
ANSWER_BYTES = 32 * 1024**2  # 2,000 described columns are about 2 MB


class IngestPool:
    """At most ``processes`` files are decoded at once; others wait their turn. Threads may share one pool."""

    def __init__(self, limits: IngestLimits | None = None, *, processes: int = 2) -> None:
        self.limits = limits or IngestLimits()
        self._turns = threading.BoundedSemaphore(processes)
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def warm(self) -> None:
        """Starts the process that decoders are forked from (about 0.3 s), so that the first upload need not wait."""
        with self._lock:
            self._started()

    def run(self, source: Path, *, media_type: str, options: IngestOptions, target: Path) -> Description:
        """As ``ingest``, with this pool's limits."""
        options = options.checked()
        request = self._request(source, media_type, options, target)
        try:
            with self._turns:
                answer, end = self._ask(request) or self._ask(request) or ({}, {})
            return self._description(answer, end)
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    def close(self) -> None:
        """Ends the zygote and every decoder with it."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _request(self, source: Path, media_type: str, options: IngestOptions, target: Path) -> dict[str, Any]:
        return {
            "source": str(source.absolute()),
            "target": str(target.absolute()),
            "media_type": media_type,
            "options": as_json(options),
            "limits": as_json(self.limits),
        }

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """The child's answer (empty if it died first) and how it ended; None when the zygote itself was lost."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, self._lock:
                control = self._started()
                try:
                    socket.send_fds(control, [WALL.pack(self.limits.wall_seconds)], [theirs.fileno()])
                except OSError:
                    self._stop()
                    return None
            ours.settimeout(self.limits.wall_seconds + GRACE_SECONDS)
            try:
                ours.sendall(json.dumps(request).encode() + b"\n")
                received = _read_all(ours)
            except OSError:
                received = b""
        lines = [_object(line) for line in received.split(b"\n") if line]
        if not lines or "end" not in lines[-1]:
            with self._lock:
                if self._control is control:  # else another thread has replaced it already
                    self._stop()
            return None
        return (lines[0] if len(lines) > 1 else {}), lines[-1]["end"]

    def _description(self, answer: dict[str, Any], end: dict[str, Any]) -> Description:
        if "description" in answer:
            description: Description = answer["description"]
            return description
        if "problems" in answer:
            raise IngestError(answer["problems"], status=answer["status"])
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        limits = self.limits
        if end.get("timed_out") or end.get("cpu_seconds", 0.0) >= limits.cpu_seconds:
            detail = f"expected a file that is decoded within {limits.wall_seconds:g} s, found one that takes longer"
            raise refusal("file-corrupt", detail, limit=limits.wall_seconds)
        if end.get("peak_bytes", 0) >= limits.memory_bytes // 2:  # it died reaching for more than there was
            detail = "expected a file whose decoded cells fit the memory of one upload"
            raise refusal("decompressed-too-large", detail, limit=limits.memory_bytes)
        raise refusal("file-corrupt", "expected a file that can be decoded, found one that ends its decoder")

    def _started(self) -> socket.socket:
        if self._control is not None and self._zygote is not None and self._zygote.poll() is None:
            return self._control
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._zygote = subprocess.Popen(
                [sys.executable, "-P", "-m", "store.ingest.zygote", str(theirs.fileno())],
                env=_clean_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
            )
        self._control = ours
        ours.settimeout(START_SECONDS)
        if ours.recv(len(READY)) != READY:
            self._stop()
            raise ChildProcessError(errno.ECHILD, "expected the ingest processes to start, found them ended")
        ours.settimeout(None)
        return ours

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            try:
                self._zygote.wait(timeout=GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self._zygote.kill()
                self._zygote.wait()
        self._control = self._zygote = None


@lru_cache(maxsize=4)
def _shared_pool(limits: IngestLimits) -> IngestPool:
    pool = IngestPool(limits)
    atexit.register(pool.close)
    return pool


def ingest(
    source: Path,
    *,
    media_type: str,
    options: IngestOptions | None = None,
    target: Path,
    limits: IngestLimits | None = None,
) -> Description:
    """Decodes the file ``source`` into canonical Parquet at ``target``, in a process of this program's shared pool.

    ``media_type``: ``text/csv`` (a ``charset`` may follow), ``application/vnd.apache.parquet``, ``application/x-ndjson`` or
    ``application/json`` (``{"columns": {…}}``).

    Raises:
        IngestError: the file or the options are refused; nothing is left at ``target``.
        OSError: no space is left (ENOSPC), or no process could be started (ECHILD).
    """
    return _shared_pool(limits or IngestLimits()).run(
        source, media_type=media_type, options=options or IngestOptions(), target=target
    )


def _clean_environment() -> dict[str, str]:
    """No address, key or password of the service; one thread for the libraries that start threads when loaded."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        # The system's allocator keeps gigabytes of addresses for a wide table, and mimalloc reserves one at its start:
        # RLIMIT_AS counts both. In steps of 64 MiB (the value is in KiB) mimalloc asks for little more than it fills.
        "ARROW_DEFAULT_MEMORY_POOL": "mimalloc",
        "MIMALLOC_ARENA_RESERVE": "65536",
        "MALLOC_ARENA_MAX": "2",
    }


def _read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while part := connection.recv(1 << 16):
        received += part
        if len(received) > ANSWER_BYTES:
            return b""
    return bytes(received)


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
