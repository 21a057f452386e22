"""The tables that the code knows are the tables that the migrations make, on both databases."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text

import migrations
from store.session import database_url as with_driver
from store.tables import Base
from tests.conftest import DIALECTS

ROOT = Path(__file__).parents[2]
METADATA = Base.metadata
NEWEST = max(file.stem[:4] for file in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))


@pytest.fixture(params=DIALECTS)
def database_url(request, new_database_url):
    """One of its own, for these tests change the tables."""
    return new_database_url(request.param)


@pytest.fixture
def connection(database_url):
    engine = create_engine(with_driver(database_url))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@pytest.fixture
def expected(connection, new_database_url):
    """The same tables as ``create_all`` makes them from ``store.tables``."""
    engine = create_engine(with_driver(new_database_url(connection.dialect.name)))
    with engine.begin() as made:
        inspector = inspect(made)
        for table in reversed(METADATA.sorted_tables):
            assert inspector.has_table(table.name)
            table.drop(made)
        METADATA.create_all(made)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def squeezed(sql: str) -> str:
    return re.sub(r"[\s\"]+", "", sql).lower()


def facts(connection: Connection) -> dict[str, object]:
    """Everything that the database says about its tables, in an order that does not matter."""
    inspector = inspect(connection)
    found: dict[str, object] = {}
    for name in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        found[name] = {
            "columns": sorted((c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)),
            "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(
                (str(k["name"]), k["constrained_columns"], k["referred_table"])
                for k in inspector.get_foreign_keys(name)
            ),
            "unique": sorted((str(k["name"]), k["column_names"]) for k in inspector.get_unique_constraints(name)),
            "checks": sorted(
                (str(k["name"]), squeezed(str(k["sqltext"]))) for k in inspector.get_check_constraints(name)
            ),
        }
    if connection.dialect.name == "sqlite":
        indexes = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    else:
        indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    rows = connection.execute(text(indexes))
    found["indexes"] = sorted((name, squeezed(sql)) for name, sql in rows if name != "alembic_version_pkc")
    return found


def test_the_migrations_make_what_the_tables_say(connection, expected):
    assert facts(connection) == facts(expected)


def test_alembic_finds_nothing_left_to_migrate(connection):
    # on SQLite the claim's descending index cannot be reflected; the test above reads its text
    compared = MigrationContext.configure(connection, opts={"include_object": _comparable})
    assert compare_metadata(compared, METADATA) == []


def _comparable(_item, name, kind, _reflected, _other):
    return not (kind == "index" and name == "ix_jobs_waiting")


def test_every_table_belongs_to_a_project():
    tables = [table for table in METADATA.sorted_tables if table.name != "projects"]
    assert [table.name for table in tables if "project_id" not in table.columns] == []
    assert all(not table.columns["project_id"].nullable for table in tables)


def test_a_migration_can_be_taken_back(database_url):
    migrations.downgrade(database_url, "base")
    engine = create_engine(with_driver(database_url))
    assert inspect(engine).get_table_names() == ["alembic_version"]
    migrations.upgrade(database_url)
    assert set(inspect(engine).get_table_names()) == {*METADATA.tables, "alembic_version"}
    engine.dispose()


def test_upgrading_twice_changes_nothing(database_url):
    migrations.upgrade(database_url)
    engine = create_engine(with_driver(database_url))
    with engine.connect() as opened:
        assert opened.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]
    engine.dispose()


def test_the_operators_command_reads_the_url_from_the_environment(tmp_path):
    path = tmp_path / "fresh.db"
    environment = {"TASKGRAFT_DATABASE_URL": f"sqlite:///{path}", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    engine = create_engine(f"sqlite:///{path}")
    assert inspect(engine).has_table("jobs")
    engine.dispose()


def test_without_a_url_the_operators_command_says_what_it_needs(tmp_path):
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"]
    done = subprocess.run(command, check=False, env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.decode().strip() == "expected the database in TASKGRAFT_DATABASE_URL, found it unset"
