"""The API as users meet it: a real uvicorn on a port of its own, once on SQLite and once on PostgreSQL."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from app.main import create_app
from app.settings import AppSettings
from store import keys
from store.artifacts import ArtifactStore
from store.ids import new_id
from store.session import Database
from tests.app.tenant import Service, Tenant

DIALECTS = ("sqlite", "postgresql")
START_SECONDS = 60


class _Server(uvicorn.Server):
    """Says when it listens, so that nobody has to ask again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self.listens.set()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[AppSettings], str]]:
    """``serve(settings)``: a running server's address. All are stopped at the end."""
    running: list[tuple[_Server, threading.Thread]] = []

    def start(settings: AppSettings) -> str:
        config = uvicorn.Config(
            create_app(settings),
            host="127.0.0.1",
            port=0,
            ws="none",
            log_level="warning",
            timeout_graceful_shutdown=5,
        )
        server = _Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        assert server.listens.wait(START_SECONDS), "expected the server to listen, found it silent"
        port = server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(START_SECONDS)


@pytest.fixture(scope="session", params=DIALECTS)
def service(
    request: pytest.FixtureRequest,
    new_database_url: Callable[[str], str],
    serve: Callable[[AppSettings], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """One API for all tests of this folder; the test runs once on each kind of database."""
    settings = small_settings(new_database_url(request.param), tmp_path_factory.mktemp("artifacts"))
    database = Database(settings.database_url)
    yield Service(serve(settings), database, ArtifactStore(settings.artifacts), settings)
    database.dispose()


def small_settings(database_url: str, artifacts: Path) -> AppSettings:
    """Limits small enough to be passed in a test."""
    return AppSettings(
        database_url=database_url,
        artifacts=artifacts,
        redis_url=None,
        upload_bytes=4 * 2**20,
        body_idle_seconds=1.0,
        renew_key_seconds=0.1,
        trust_seconds=0.2,
        alias_trust_seconds=0.2,
        change_poll_seconds=0.05,
        ping_seconds=0.3,
    )


@pytest.fixture(scope="session")
def anonymous(service: Service) -> Iterator[httpx.Client]:
    """A client without a key."""
    with httpx.Client(base_url=service.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def new_tenant(service: Service) -> Iterator[Callable[[], Tenant]]:
    """``new_tenant()``: a project of its own with a key."""
    opened: list[httpx.Client] = []
    encryption = httpx.create_ssl_context()  # unused, but each client would make its own for 20 ms

    def make() -> Tenant:
        with service.database.transaction() as session:
            key = keys.create_admin(session, new_id("project"), now=service.database.now(session))
        headers = {"Authorization": f"Bearer {key.secret}"}
        client = httpx.Client(base_url=service.url, headers=headers, timeout=30, verify=encryption)
        opened.append(client)
        return Tenant(service, client, key.project_id, key.secret)

    yield make
    for client in opened:
        client.close()


@pytest.fixture
def tenant(new_tenant: Callable[[], Tenant]) -> Tenant:
    """A fresh project."""
    return new_tenant()


@pytest.fixture
def stranger(new_tenant: Callable[[], Tenant]) -> Tenant:
    """Another project, to which everything of the first must be unknown."""
    return new_tenant()
