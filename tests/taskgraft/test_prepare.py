"""What a start makes and what it clears away."""

import pytest

from store import idempotency, keys
from store.artifacts import ArtifactStore
from store.errors import RequestInProgress
from store.idempotency import Request, Reservation
from store.session import Database
from store.settings import StoreSettings
from taskgraft.folder import DataFolder
from taskgraft.prepare import prepare


@pytest.fixture
def settings(tmp_path):
    return StoreSettings(database_url=f"sqlite:///{tmp_path}/new.db", artifacts=tmp_path / "artifacts", redis_url=None)


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path)


def who(settings, folder):
    """The principal of the folder's key, None when the database does not know it."""
    database = Database(settings.database_url)
    with database.reading() as session:
        found = keys.authenticate(session, folder.read_key())
    database.dispose()
    return found


def test_a_new_folder_gets_tables_and_a_key_that_stays(settings, folder):
    prepare(folder, settings, alone=True)
    key = folder.read_key()
    prepare(folder, settings, alone=True)
    assert folder.read_key() == key
    assert who(settings, folder) is not None


@pytest.mark.parametrize("alone", [True, False])
def test_a_start_that_is_alone_frees_what_a_killed_upload_left(settings, folder, alone):
    prepare(folder, settings, alone=True)
    request = Request(who(settings, folder).project_id, "POST", "/v1/datasets", "killed")
    database, artifacts = Database(settings.database_url), ArtifactStore(settings.artifacts)
    with database.transaction() as session:
        idempotency.reserve(session, request, now=database.now(session), fingerprint=None)
    artifacts.stage().write_bytes(b"half a file")

    prepare(folder, settings, alone=alone)

    with database.transaction() as session:
        if alone:
            again = idempotency.reserve(session, request, now=database.now(session), fingerprint=None)
            assert isinstance(again, Reservation)
        else:
            with pytest.raises(RequestInProgress):
                idempotency.reserve(session, request, now=database.now(session), fingerprint=None)
    database.dispose()
    assert len(list((artifacts.root / "staging").iterdir())) == (0 if alone else 1)
