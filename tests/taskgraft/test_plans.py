"""What would be started, as values."""

from pathlib import Path

import pytest

from taskgraft import plans
from taskgraft.embedded import Redis, free_port

DATA = Path("/data")


def test_what_the_operator_set_replaces_the_embedded_part():
    settings = plans.settings_of(DATA, {"TASKGRAFT_DATABASE_URL": "postgresql://there/db", "HOME": "/root"})
    assert settings["TASKGRAFT_DATABASE_URL"] == "postgresql://there/db"
    assert settings["TASKGRAFT_ARTIFACTS"] == "/data/artifacts"
    assert settings["HOME"] == "/root"
    assert "TASKGRAFT_REDIS_URL" not in settings


def test_the_embedded_database_is_a_file_of_the_folder():
    assert plans.settings_of(DATA, {})["TASKGRAFT_DATABASE_URL"] == "sqlite:////data/taskgraft.db"


@pytest.mark.parametrize(
    ("named", "alone"),
    [
        ({}, True),
        ({"TASKGRAFT_REDIS_URL": "redis://there"}, True),
        ({"TASKGRAFT_DATABASE_URL": "postgresql://there/db"}, False),
        ({"TASKGRAFT_ARTIFACTS": "/shared"}, False),
    ],
)
def test_what_others_may_be_writing_is_left_to_them(named, alone):
    settings = plans.settings_of(DATA, named)
    assert ("--alone" in plans.prepare(settings, data=DATA).command) is alone


def test_a_worker_listens_only_where_there_is_a_redis():
    assert "worker.poll" in plans.worker({}).command
    assert "celery" in plans.worker({"TASKGRAFT_REDIS_URL": "redis://there"}).command


def test_no_command_line_shows_a_secret():
    redis = Redis(Path("redis-server"), 6379, "secret")
    settings = {"TASKGRAFT_REDIS_URL": redis.url}
    for plan in (redis.plan(), plans.worker(settings), plans.api(settings, host="127.0.0.1", port=1)):
        assert "secret" not in " ".join(plan.command)
    assert b"requirepass secret\n" in redis.plan().stdin


def test_a_service_of_this_machine_alone_answers_to_no_other_name():
    def hosts(host, **settings):
        return plans.api(settings, host=host, port=1).environment.get("TASKGRAFT_HOSTS")

    assert hosts("127.0.0.1") == hosts("::1") == "localhost,127.0.0.1,[::1]"
    assert hosts("0.0.0.0") is None
    assert hosts("127.0.0.1", TASKGRAFT_HOSTS="proxy.example") == "proxy.example"


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("example", "example")],
)
def test_clients_on_this_machine_find_the_server(host, address):
    assert plans.address(host) == address


def test_a_free_port_is_taken_once():
    port = free_port("127.0.0.1")
    assert free_port("127.0.0.1", port) == port
