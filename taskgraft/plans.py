"""What `taskgraft up` starts, and with which settings: pure functions of the folder and the operator's environment."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from taskgraft.parts import Plan

START_SECONDS = 120.0
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""What a request to a service of this machine alone may call it."""
_API_PATIENCE_SECONDS = 15.0
_WORKER_PATIENCE_SECONDS = 45.0  # a child may take 20 s for its last checkpoint
_UVICORN = ("--log-level", "warning", "--no-server-header", "--timeout-graceful-shutdown", "5")
_CELERY = ("--pool", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")


def settings_of(data: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of every part: what the operator set, and embedded parts for the rest (Redis comes later)."""
    root = str(Path(__file__).parents[1])  # the rooms, also when they run from a source tree
    python_path = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    return {**_own(data), "TASKGRAFT_POLL_SECONDS": "0.1", **environment, "PYTHONPATH": python_path}


def _own(data: Path) -> dict[str, str]:
    """Where the folder keeps what the operator has put nowhere else: whoever holds its lock is alone there."""
    return {
        "TASKGRAFT_DATABASE_URL": f"sqlite:///{data / 'taskgraft.db'}",
        "TASKGRAFT_ARTIFACTS": str(data / "artifacts"),
    }


def prepare(settings: Mapping[str, str], *, data: Path) -> Plan:
    """Bring the database to its newest revision, make sure that it knows the admin key, and end."""
    command = [sys.executable, "-m", "taskgraft.prepare", str(data)]
    if _own(data).items() <= settings.items():
        command.append("--alone")
    return Plan("prepare", command, settings, START_SECONDS)


def api(settings: Mapping[str, str], *, host: str, port: int) -> Plan:
    """The HTTP shell."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--host", host, "--port", str(port)]
    place = {"TASKGRAFT_HOST": host, "TASKGRAFT_PORT": str(port)}
    # a name that a foreign page has pointed at this machine is none of ours (DNS rebinding)
    names = {"TASKGRAFT_HOSTS": ",".join(LOOPBACK)} if host in LOOPBACK or f"[{host}]" in LOOPBACK else {}
    return Plan("api", [*command, *_UVICORN], {**names, **settings, **place}, _API_PATIENCE_SECONDS)


def worker(settings: Mapping[str, str]) -> Plan:
    """The training shell: under Celery when there is a Redis to listen to."""
    command = [sys.executable, "-m", "worker.poll"]
    if "TASKGRAFT_REDIS_URL" in settings:
        command = [sys.executable, "-m", "celery", "-A", "worker.celery", "worker", *_CELERY, "--loglevel", "WARNING"]
    return Plan("worker", command, settings, _WORKER_PATIENCE_SECONDS)


def address(host: str) -> str:
    """Where a client on this machine finds a server that listens on ``host``."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host
