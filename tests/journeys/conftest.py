"""The whole service, started as `taskgraft up` starts it, and driven over HTTP."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from taskgraft import Taskgraft
from taskgraft.up import Service


def clean_environment() -> dict[str, str]:
    """The test's own environment without anybody's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TASKGRAFT_")}


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """``(url, key)`` of a service on SQLite and its embedded Redis, which no test harms."""
    with Service(tmp_path_factory.mktemp("service") / "data", environment=clean_environment()) as running:
        yield running.url, running.key


@pytest.fixture
def until() -> Callable[..., Any]:
    """``until(condition, seconds=…)``: the condition's first true answer; a failure when there is none in time."""

    def wait(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
        deadline, pause = time.monotonic() + seconds, threading.Event()
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"expected {condition} within {seconds} s, found it false"
            pause.wait(0.05)
        return answer

    return wait


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., tuple[Service, Taskgraft]]]:
    """``started("data", NAME="value")``: a service on that folder with ``TASKGRAFT_NAME`` set, and its client."""
    opened: list[Service | Taskgraft] = []

    def start(folder: str = "data", **settings: str) -> tuple[Service, Taskgraft]:
        named = {f"TASKGRAFT_{name}": value for name, value in settings.items()}
        running = Service(tmp_path / folder, environment=clean_environment() | named)
        running.begin()
        client = Taskgraft(running.url, running.key)
        opened.extend((running, client))
        return running, client

    yield start
    for one in reversed(opened):
        one.close() if isinstance(one, Taskgraft) else one.stop()
