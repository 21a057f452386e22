"""What Alembic runs: every migration that is due, in one transaction where the database can do that."""

import os

from alembic import context
from sqlalchemy import create_engine, event, make_url, pool

from store.tables import Base


def _url() -> str:
    url = context.config.attributes.get("url") or os.environ.get("TASKGRAFT_DATABASE_URL")
    if not url:
        raise SystemExit("expected the database in TASKGRAFT_DATABASE_URL, found it unset")
    return str(url)


def _run() -> None:
    url = make_url(_url())
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=pool.NullPool)
    if engine.dialect.name == "sqlite":
        # the driver's own transactions leave out the tables; these are whole, and one migrator waits for another
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


_run()
