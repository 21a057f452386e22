"""One transaction, one truth, on both databases."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError, StatementError

from store.errors import DatabaseBusy, UnsafeLocation
from store.ids import new_id
from store.session import Database, file_system, refuse_network_file_system
from store.session import database_url as with_driver
from store.tables import KeyRow, ProjectRow

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def add_project(session, name="acme", at=LONG_AGO):
    session.execute(insert(ProjectRow).values(id=new_id("project"), name=name, created_at=at))


def names(database):
    with database.reading() as session:
        return list(session.scalars(select(ProjectRow.name).order_by(ProjectRow.name)))


def test_the_database_tells_the_time_in_utc(database_url):
    database = Database(database_url)
    with database.reading() as session:
        now = database.now(session)
    database.dispose()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


def test_another_clock_can_be_injected(database, clock):
    with database.reading() as session:
        before = database.now(session)
        clock.advance(90)
        assert database.now(session) - before == timedelta(seconds=90)


def test_a_transaction_is_stored_whole(database):
    with database.transaction() as session:
        add_project(session, "a")
        add_project(session, "b")
    assert names(database) == ["a", "b"]


def test_a_transaction_that_fails_stores_nothing(database):
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        add_project(session, "a")
        1 / 0  # noqa: B018 anything that fails
    assert names(database) == []


def test_a_time_comes_back_as_it_went_in(database):
    at = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
    with database.transaction() as session:
        add_project(session, at=at.astimezone(tz=None))
    with database.reading() as session:
        assert session.scalar(select(ProjectRow.created_at)) == at
        assert session.scalar(select(ProjectRow.created_at)).tzinfo is UTC


def test_a_time_without_a_zone_is_refused(database):
    with pytest.raises(StatementError, match="expected an aware datetime"), database.transaction() as session:
        add_project(session, at=datetime(2026, 1, 1))  # noqa: DTZ001 that is the point


def test_a_reading_stores_nothing(sqlite_url):
    database = Database(sqlite_url)
    with database.reading() as session:
        add_project(session)
    assert names(database) == []
    database.dispose()


def test_postgresql_refuses_a_write_in_a_reading(postgres_url):
    database = Database(postgres_url)
    with pytest.raises(DatabaseBusy, match="found it locked"), database.reading() as session:
        add_project(session)
    database.dispose()


def test_a_reading_sees_one_moment_while_others_write(sqlite_url):
    database = Database(sqlite_url)
    with database.reading() as session:
        assert session.scalars(select(ProjectRow.name)).all() == []
        with database.transaction() as other:
            add_project(other)
        assert session.scalars(select(ProjectRow.name)).all() == []
    assert names(database) == ["acme"]
    database.dispose()


def test_sqlite_survives_a_power_cut_and_keeps_its_references(sqlite_url):
    database = Database(sqlite_url)
    with database.reading() as session:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        values = [session.execute(text(f"PRAGMA {pragma}")).scalar() for pragma in pragmas]
    assert values == ["wal", 2, 1, 5000]  # synchronous 2 is FULL
    database.dispose()


def test_postgresql_never_waits_for_ever(postgres_url):
    database = Database(postgres_url)
    settings = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "TimeZone")
    with database.reading() as session:
        assert [session.execute(text(f"SHOW {name}")).scalar() for name in settings] == ["10s", "2s", "30s", "UTC"]
    database.dispose()


def test_a_write_transaction_holds_the_write_lock_from_its_start(sqlite_url):
    database = Database(sqlite_url)
    impatient = Database(f"{sqlite_url}?timeout=0.01")
    with database.transaction() as session:
        session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseBusy), impatient.transaction() as other:
            add_project(other)
    database.dispose()
    impatient.dispose()


def test_a_row_that_somebody_else_holds_too_long_is_busy(postgres_url):
    database = Database(postgres_url)
    impatient = Database(f"{postgres_url}&options=-c%20lock_timeout%3D20ms")
    with database.transaction() as session:
        add_project(session)
    rename = update(ProjectRow).values(name="other")
    with database.transaction() as session:
        session.execute(rename)
        with pytest.raises(DatabaseBusy), impatient.transaction() as other:
            other.execute(rename)
    assert names(database) == ["other"]
    database.dispose()
    impatient.dispose()


def test_a_database_out_of_reach_is_busy(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/no/such/folder/taskgraft.db")
    with pytest.raises(DatabaseBusy), database.transaction() as session:
        session.execute(text("SELECT 1"))
    database.dispose()


def test_a_mistake_of_ours_is_not_called_busy(database):
    with pytest.raises(DBAPIError) as caught, database.reading() as session:
        session.execute(text("SELECT no_such_function(1)"))
    assert not isinstance(caught.value, DatabaseBusy)


def test_many_threads_write_one_after_the_other_and_none_fails(database):
    threads, rounds = 8, 10
    failures = []

    def write(number):
        try:
            for turn in range(rounds):
                with database.transaction() as session:
                    add_project(session, f"{number}-{turn}")
        except Exception as error:
            failures.append(error)

    workers = [threading.Thread(target=write, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    assert len(names(database)) == threads * rounds


def test_json_that_is_not_json_is_refused(database):
    key = {"id": "k", "project_id": "p", "name": "n", "secret_sha256": "s", "created_at": LONG_AGO}
    with pytest.raises((StatementError, ValueError), match="not JSON compliant"), database.transaction() as session:
        session.execute(insert(KeyRow).values(**key, scopes=[float("nan")]))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_any_spelling_of_postgresql_means_the_installed_driver(scheme):
    assert with_driver(f"{scheme}://user:secret@host/name").drivername == "postgresql+psycopg"


MOUNTS = [
    "overlay / overlay rw 0 0",
    "nas:/export /mnt/shared\\040disk nfs4 rw 0 0",
    "/dev/sda1 /mnt/shared\\040disk/local ext4 rw 0 0",
    "host /srv/mount fuse.sshfs rw 0 0",
]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/taskgraft.db", "overlay"),
        ("/mnt/shared disk/taskgraft.db", "nfs4"),
        ("/mnt/shared disk/local/taskgraft.db", "ext4"),
        ("/srv/mount/taskgraft.db", "fuse.sshfs"),
        ("/srv/mounted/taskgraft.db", "overlay"),
    ],
)
def test_the_nearest_mount_says_what_a_path_lies_on(path, kind):
    assert file_system(Path(path), MOUNTS) == kind


def test_sqlite_on_a_network_disk_is_refused_at_the_start():
    with pytest.raises(UnsafeLocation, match="on nfs4"):
        refuse_network_file_system(Path("/mnt/shared disk/taskgraft.db"), MOUNTS)
    refuse_network_file_system(Path("/mnt/shared disk/local/taskgraft.db"), MOUNTS)
