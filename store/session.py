"""The database: transactions, readings and the time. The only place that commits."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from psycopg import OperationalError as PsycopgOperationalError
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from store.claims.fence import WRITES, engine_options, install_hooks, sql_clock
from store.clock import CLOCK, Clock
from store.errors import DatabaseBusy, UnsafeLocation
from store.tables.columns import dump_json

# connection, resources, deadlock, lock timeout, statement timeout or shutdown, read-only transaction
_BUSY_SQLSTATES = ("08", "53", "40", "55", "57", "25006")
_BUSY_SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
_NETWORK_FILE_SYSTEMS = ("nfs", "cifs", "smb", "afs", "ceph", "glusterfs", "9p", "fuse.sshfs")


class Database:
    """One database, SQLite or PostgreSQL, made by the migrations. Safe to share between threads.

    ``clock`` tells the time inside a session; the database's own clock by default, a false one in tests.
    """

    def __init__(self, url: str, clock: Clock | None = None) -> None:
        target = database_url(url)
        self.embedded = target.get_backend_name() == "sqlite"
        if self.embedded:
            refuse_network_file_system(Path(target.database or ""), _mounts())
        engine = create_engine(target, json_serializer=dump_json, **engine_options(target))
        install_hooks(engine)
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        self._reading = engine if self.embedded else engine.execution_options(postgresql_readonly=True)
        self._clock = clock or sql_clock

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All of it is stored when the block ends, or nothing. Raises DatabaseBusy."""
        with _translated(), self._session(self._writing) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent look; nothing is stored. Raises DatabaseBusy."""
        with _translated(), self._session(self._reading) as session:
            yield session

    def _session(self, engine: Engine) -> Session:
        return Session(engine, expire_on_commit=False, info={CLOCK: self._clock})

    def now(self, session: Session) -> datetime:
        """Aware UTC."""
        return self._clock(session)

    def dispose(self) -> None:
        self._engine.dispose()


def database_url(url: str) -> URL:
    """``url`` with the driver that is installed: psycopg for PostgreSQL."""
    target = make_url(url)
    if target.drivername in ("postgresql", "postgres"):
        return target.set(drivername="postgresql+psycopg")
    return target


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy("expected a free database connection, found all of them in use") from error
    except DBAPIError as error:
        if not _is_passing(error.orig):
            raise
        raise DatabaseBusy("expected an answer from the database, found it locked, full or out of reach") from error


def _is_passing(error: BaseException | None) -> bool:
    """Whether the database, not our statement, is the trouble."""
    if isinstance(error, sqlite3.Error):
        return (error.sqlite_errorcode & 0xFF) in _BUSY_SQLITE_ERRORS  # the low byte: without the finer reasons
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate is None:  # PostgreSQL could not even be asked
        return isinstance(error, PsycopgOperationalError)
    return str(sqlstate).startswith(_BUSY_SQLSTATES)


def refuse_network_file_system(path: Path, mounts: list[str]) -> None:
    """SQLite's locks hold on local disks only. Raises UnsafeLocation."""
    kind = file_system(path, mounts)
    if kind.startswith(_NETWORK_FILE_SYSTEMS):
        raise UnsafeLocation(f"expected the SQLite database on a local disk, found {path.name} on {kind}")


def _mounts() -> list[str]:
    """The lines of /proc/mounts; none on systems that have no such file."""
    table = Path("/proc/self/mounts")
    return table.read_text().splitlines() if table.exists() else []


def file_system(path: Path, mounts: list[str]) -> str:
    """The type of the file system that ``path`` is on, from the lines of /proc/mounts; empty when unknown."""
    target = path.resolve()
    best, kind = 0, ""
    for line in mounts:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if target.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), found
    return kind
