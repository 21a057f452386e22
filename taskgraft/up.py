"""`taskgraft up`: the whole service on one machine, in one data folder, with nothing left behind when it stops."""

import importlib.metadata
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from taskgraft import plans
from taskgraft.embedded import find_redis, free_port
from taskgraft.errors import TaskgraftError
from taskgraft.folder import DataFolder
from taskgraft.parts import Part, Plan

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WATCH_SECONDS = 0.1


class StartFailed(TaskgraftError):
    """The service did not come up; the message says which part and why."""


def up(data: Path, port: int = 8000, host: str = "127.0.0.1") -> int:
    """Run the service until Ctrl-C or SIGTERM; a second one does not wait. Return the exit status.

    Raises:
        TaskgraftError: the service did not come up, or could not go on.
    """
    service = Service(data, port=port, host=host)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: service.hurry() if service.stopping else service.ask_to_stop())
    if host not in _LOOPBACK:
        print(f"Warning: {host} is open to the network, without TLS. Put a proxy in front.", file=sys.stderr)
    try:
        service.begin()
    except StartFailed:
        if service.stopping:
            return 0
        raise
    print(f"Taskgraft answers at  {service.url}\nIts documentation is  {service.url}/docs", flush=True)
    print(f"The admin key is in   {service.folder.key_file}\nCtrl-C stops it.", flush=True)
    service.wait()
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
        self._ready = threading.Event()
        self._failure: Exception | None = None
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

    @property
    def stopping(self) -> bool:
        """Whether the service was asked to stop."""
        return self._stop.is_set()

    def begin(self) -> None:
        """Start everything and wait until it answers.

        Raises:
            TaskgraftError: a part did not come up, the port is taken, or the folder is in use.
        """
        self._keeper.start()
        self._ready.wait()
        if self._failure is not None:
            self._keeper.join()
            raise self._failure

    def wait(self) -> None:
        """Wait for the end. Raises what made it impossible to go on, if anything did."""
        self._keeper.join()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop every part, the worker's attempts after a last checkpoint; what it was doing goes on at the next start."""
        self.ask_to_stop()
        self.wait()

    def ask_to_stop(self) -> None:
        """Let the service stop, without waiting for it."""
        self._stop.set()

    def hurry(self) -> None:
        """Let a service that stops kill what has not ended yet."""
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
            self._ready.set()
            while not self._stop.wait(_WATCH_SECONDS):
                if [name for name, part in self._parts.items() if part.revive()]:
                    self._announce()
        except Exception as error:  # raised again by whoever waits
            self._failure = error
        finally:
            self._stop_parts()
            self._ready.set()

    def _start_parts(self) -> None:
        self.folder.lock()
        self.folder.withdraw()  # of a service that was killed
        try:
            port = free_port(self._host, self._asked_port)
        except OSError as error:
            raise StartFailed(
                f"expected a free port {self._asked_port} on {self._host}, found: {error.strerror}"
            ) from None
        self.url = f"http://{plans.address(self._host)}:{port}"
        settings = self._settings()
        self._prepare(settings)
        for plan in (plans.api(settings, host=self._host, port=port), plans.worker(settings)):
            self._start(plan)
        self._wait_for_api()
        self._announce()

    def _start(self, plan: Plan) -> None:
        self._parts[plan.name] = Part(plan, folder=self.folder.path)
        self._parts[plan.name].start()

    def _settings(self) -> dict[str, str]:
        """The environment of the parts, with a Redis of our own unless the operator named one."""
        settings = plans.settings_of(self.folder.path, self._environment)
        redis = None if "TASKGRAFT_REDIS_URL" in settings else find_redis()
        if redis is not None:
            self._start(redis.plan())
            settings["TASKGRAFT_REDIS_URL"] = redis.url
        return settings

    def _prepare(self, settings: Mapping[str, str]) -> None:
        part = Part(plans.prepare(settings, data=self.folder.path), folder=self.folder.path)
        part.start()
        if part.end(hurry=self._stop) != 0:
            raise StartFailed(f"expected a database that can be prepared, found:\n{part.last_words()}")

    def _wait_for_api(self) -> None:
        """Raises StartFailed when the API does not answer in time, or died on its way."""
        api = self._parts["api"]
        deadline = time.monotonic() + plans.START_SECONDS
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
