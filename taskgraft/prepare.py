"""``python -m taskgraft.prepare <data folder>``: tables at their newest revision, and an admin key that the store knows.

A program of its own, so that `taskgraft up` itself needs no database driver. It reads the ``TASKGRAFT_…`` settings.
With ``--alone`` nothing else runs on this database and these artifacts: what broken uploads left is removed at once.
"""

import sys
from pathlib import Path

import migrations
from store import idempotency
from store.artifacts import ArtifactStore
from store.keys import authenticate, create_admin
from store.session import Database
from store.settings import StoreSettings
from taskgraft.folder import DataFolder

_PROJECT = "default"


def prepare(folder: DataFolder, settings: StoreSettings, *, alone: bool) -> None:
    """Make what is missing; a key in the folder that the database does not know (a new one) is replaced."""
    migrations.upgrade(settings.database_url)
    database = Database(settings.database_url)
    with database.transaction() as session:
        known = folder.read_key()
        if known is None or authenticate(session, known) is None:
            # written before the commit: should that fail, the next start sees a key that nobody knows
            folder.write_key(create_admin(session, _PROJECT, now=database.now(session)).secret)
        if alone:
            idempotency.free_all(session)
    database.dispose()
    if alone:
        ArtifactStore(settings.artifacts).clear_staging()


if __name__ == "__main__":
    alone = sys.argv[2:] == ["--alone"]
    prepare(DataFolder(Path(sys.argv[1])), StoreSettings(), alone=alone)  # type: ignore[call-arg]  # from the environment
