"""Where a client finds the service and its key."""

import json

import pytest

from taskgraft.errors import NotConfigured
from taskgraft.location import Location, locate

ENVIRONMENT = {"TASKGRAFT_URL": "http://env:1/", "TASKGRAFT_KEY": "tg_env"}


@pytest.fixture
def data(tmp_path):
    """What `taskgraft up` leaves in its data folder."""
    (tmp_path / "service.json").write_text(json.dumps({"url": "http://folder:2", "pids": {}, "version": "0"}))
    (tmp_path / "admin.key").write_text("tg_folder\n")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"url": "http://arg:3", "key": "tg_arg"}, Location("http://arg:3", "tg_arg")),
        ({}, Location("http://env:1", "tg_env")),
        ({"url": "http://arg:3"}, Location("http://arg:3", "tg_env")),
    ],
)
def test_an_argument_wins_over_the_environment(arguments, found):
    assert locate(**arguments, environment=ENVIRONMENT) == found


def test_a_data_folder_that_the_caller_names_wins_over_the_environment(data):
    assert locate(data=data, environment=ENVIRONMENT) == Location("http://folder:2", "tg_folder")


def test_the_default_data_folder_serves_when_nothing_else_does(data, monkeypatch):
    monkeypatch.chdir(data.parent)
    monkeypatch.setattr("taskgraft.location.DATA_FOLDER", data)
    assert locate(environment={}) == Location("http://folder:2", "tg_folder")


@pytest.mark.parametrize("missing", ["service.json", "admin.key"])
def test_what_is_missing_is_named(data, missing):
    (data / missing).unlink()
    with pytest.raises(NotConfigured, match=missing):
        locate(data=data, environment={})


def test_the_key_is_not_shown_where_the_location_is_printed():
    assert "secret" not in repr(Location("http://x", "tg_secret"))
