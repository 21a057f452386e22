"""`taskgraft up`: the whole service on one machine, in one data folder, with nothing left behind when it stops."""

import importlib.metadata
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from taskgraft.embedded import find_redis, free_port
from taskgraft.errors import TaskgraftError
from taskgraft.folder import DataFolder
from taskgraft.parts import Part, Plan

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WATCH_SECONDS = 0.1
_START_SECONDS = 120.0
_API_PATIENCE_SECONDS = 15.0
_WORKER_PATIENCE_SECONDS = 45.0  # a child may take 20 s for its last checkpoint


class StartFailed(TaskgraftError):
    """The service did not come up; the message says which part and why."""


def up(data: Path, port: int = 8000, host: str = "127.0.0.1") -> int:
    """Run the service until Ctrl-C or SIGTERM; a second one does not wait. Return the exit status."""
    orders: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: orders.put(number))  # the one queue that a handler may use
    if host not in _LOOPBACK:
        print(f"Warning: {host} is open to the network, without TLS. Put a proxy in front.", file=sys.stderr)
    service = Service(data, port=port, host=host)
    service.begin()
    print(f"Taskgraft answers at  {service.url}\nIts documentation is  {service.url}/docs", flush=True)
    print(f"The admin key is in   {service.folder.key_file}\nCtrl-C stops it.", flush=True)
    orders.get()
    print("Stopping.", flush=True)
    stopping = threading.Thread(target=service.stop)
    stopping.start()
    while stopping.is_alive():
        stopping.join(_WATCH_SECONDS)
        if not orders.empty():
            service.hurry()
    return 0


class Service:
    """The service and its parts. As a context manager it is started on entry and stopped on exit.

    A thread of its own starts the parts and revives those that die: their leash ends with it.
    """

    def __init__(
        self, data: Path, *, port: int = 0, host: str = "127.0.0.1", environment: Mapping[str, str] | None = None
    ) -> None:
        """``port`` 0 takes a free one. ``environment`` (the process's own by default) may hold ``TASKGRAFT_…`` settings."""
        self.folder = DataFolder(data.absolute())
        self._host = host
        self._asked_port = port
        self._environment = dict(os.environ if environment is None else environment)
        self._parts: dict[str, Part] = {}
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._ready: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.url = ""

    @classmethod
    def start(cls, data: Path, *, port: int = 0, host: str = "127.0.0.1", **environment: str) -> Self:
        """Start a service; ``environment`` is added to the process's own."""
        service = cls(data, port=port, host=host, environment={**os.environ, **environment})
        service.begin()
        return service

    @property
    def key(self) -> str:
        """The secret of the admin key."""
        return self.folder.key_file.read_text().strip()

    def begin(self) -> None:
        """Start everything and wait until it answers.

        Raises:
            StartFailed: a part did not come up, the port is taken, or the folder is in use.
        """
        self._keeper.start()
        failure = self._ready.get()
        if failure is not None:
            self._keeper.join()
            raise failure

    def stop(self) -> None:
        """Stop every part, the worker's attempts after a last checkpoint; what it was doing goes on at the next start."""
        self._stop.set()
        self._keeper.join()

    def hurry(self) -> None:
        """Let `stop` kill what has not ended yet."""
        self._hurry.set()

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _keep(self) -> None:
        """The keeper's life: begin, watch, end."""
        try:
            self._start_parts()
        except Exception as error:
            self._stop_parts()
            self._ready.put(error)
            return
        self._ready.put(None)
        while not self._stop.wait(_WATCH_SECONDS):
            if [name for name, part in self._parts.items() if part.revive()]:
                self._announce()
        self._stop_parts()

    def _start_parts(self) -> None:
        self.folder.lock()
        self.folder.withdraw()  # of a service that was killed
        try:
            port = free_port(self._host, self._asked_port)
        except OSError as error:
            raise StartFailed(
                f"expected a free port {self._asked_port} on {self._host}, found: {error.strerror}"
            ) from None
        self.url = f"http://{address(self._host)}:{port}"
        settings = self._settings()
        self._prepare(settings)
        for plan in (self._api(settings, port), self._worker(settings)):
            self._start(plan)
        self._wait_for_api()
        self._announce()

    def _start(self, plan: Plan) -> None:
        self._parts[plan.name] = Part(plan, folder=self.folder.path)
        self._parts[plan.name].start()

    def _settings(self) -> dict[str, str]:
        """The environment of the parts: what the operator set, and an embedded part for the rest."""
        data = self.folder.path
        embedded = {
            "TASKGRAFT_DATABASE_URL": f"sqlite:///{data / 'taskgraft.db'}",
            "TASKGRAFT_ARTIFACTS": str(data / "artifacts"),
            "TASKGRAFT_POLL_SECONDS": "0.1",
        }
        root = str(Path(__file__).parents[1])  # the rooms, also when they run from a source tree
        python_path = os.pathsep.join(filter(None, [root, self._environment.get("PYTHONPATH")]))
        settings = {**embedded, **self._environment, "PYTHONPATH": python_path}
        redis = None if "TASKGRAFT_REDIS_URL" in settings else find_redis()
        if redis is not None:
            self._start(redis.plan())
            settings["TASKGRAFT_REDIS_URL"] = redis.url
        return settings

    def _prepare(self, settings: Mapping[str, str]) -> None:
        """Bring the database to its newest revision, and make sure that it knows the admin key."""
        command = [sys.executable, "-m", "taskgraft.prepare", str(self.folder.path)]
        part = Part(Plan("prepare", command, settings, _START_SECONDS), folder=self.folder.path)
        part.start()
        if part.end(hurry=self._stop) != 0:
            raise StartFailed(f"expected a database that can be prepared, found:\n{part.last_words()}")

    def _api(self, settings: Mapping[str, str], port: int) -> Plan:
        """The HTTP shell."""
        command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--host", self._host]
        command += [
            "--port",
            str(port),
            "--log-level",
            "warning",
            "--no-server-header",
            "--timeout-graceful-shutdown",
            "5",
        ]
        return Plan("api", command, settings, _API_PATIENCE_SECONDS)

    def _worker(self, settings: Mapping[str, str]) -> Plan:
        """The training shell: under Celery when there is a Redis to listen to."""
        command = [sys.executable, "-m", "worker.poll"]
        if "TASKGRAFT_REDIS_URL" in settings:
            command = [sys.executable, "-m", "celery", "-A", "worker.celery", "worker", "--pool", "threads", "-c", "2"]
            command += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        return Plan("worker", command, settings, _WORKER_PATIENCE_SECONDS)

    def _wait_for_api(self) -> None:
        """Raises StartFailed when the API does not answer in time, or died on its way."""
        api = self._parts["api"]
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if api.pid is None or time.monotonic() > deadline:
                raise StartFailed(f"expected the API to answer at {self.url}, found:\n{api.last_words()}")
            if self._stop.wait(_WATCH_SECONDS):
                raise StartFailed("expected time to start, found an order to stop")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5.0, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _announce(self) -> None:
        """Tell clients where the service is, and operators which process is which part."""
        pids = {name: part.pid for name, part in self._parts.items()}
        self.folder.announce({"url": self.url, "pids": pids, "version": importlib.metadata.version("taskgraft")})

    def _stop_parts(self) -> None:
        """First who asks, then who works, last what they talk through."""
        self.folder.withdraw()
        asked = [part for name, part in self._parts.items() if name != "redis"]
        for part in asked:
            part.ask()
        for part in asked:
            part.end(hurry=self._hurry)
        for part in self._parts.values():
            part.ask()
            part.end(hurry=self._hurry)
        self.folder.unlock()


def address(host: str) -> str:
    """Where a client on this machine finds a server that listens on ``host``."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host
