"""The data folder: one service's own, its files whole and its key private."""

import json

import pytest

from taskgraft.folder import DataFolder, FolderInUse


@pytest.fixture
def folder(tmp_path):
    folder = DataFolder(tmp_path / "data")
    folder.lock()
    yield folder
    folder.unlock()


def test_a_folder_and_its_key_are_the_owners_alone(folder):
    folder.write_key("tg_secret")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.key_file.stat().st_mode & 0o777 == 0o600
    assert folder.read_key() == "tg_secret"


def test_a_folder_without_a_key_says_so(folder):
    assert folder.read_key() is None


def test_a_second_service_is_refused_and_disturbs_nothing(folder):
    folder.announce({"url": "http://127.0.0.1:1"})
    second = DataFolder(folder.path)
    with pytest.raises(FolderInUse, match="expected a data folder of no running service"):
        second.lock()
    second.withdraw()
    assert folder.service_file.exists()


def test_a_folder_that_was_given_back_can_be_taken(folder):
    folder.unlock()
    second = DataFolder(folder.path)
    second.lock()
    second.unlock()


def test_an_announcement_is_replaced_and_withdrawn(folder):
    for port in (1, 2):
        folder.announce({"url": f"http://127.0.0.1:{port}"})
    assert json.loads(folder.service_file.read_text()) == {"url": "http://127.0.0.1:2"}
    assert [file.name for file in folder.path.iterdir() if file.name.startswith(".")] == []
    folder.withdraw()
    assert not folder.service_file.exists()
