"""Settings come from the environment."""

from pathlib import Path

from store.settings import StoreSettings


def from_environment() -> StoreSettings:
    return StoreSettings()  # type: ignore[call-arg]  # the environment gives them


def test_the_environment_says_where_the_truth_lives(monkeypatch):
    monkeypatch.setenv("TASKGRAFT_DATABASE_URL", "sqlite:////data/taskgraft.db")
    monkeypatch.setenv("TASKGRAFT_ARTIFACTS", "/data/artifacts")
    monkeypatch.delenv("TASKGRAFT_REDIS_URL", raising=False)
    settings = from_environment()
    assert settings.database_url == "sqlite:////data/taskgraft.db"
    assert settings.artifacts == Path("/data/artifacts")
    assert settings.redis_url is None


def test_no_password_of_a_url_is_ever_shown(monkeypatch):
    monkeypatch.setenv("TASKGRAFT_DATABASE_URL", "postgresql://user:canary-1@host/name")
    monkeypatch.setenv("TASKGRAFT_REDIS_URL", "redis://:canary-2@host/0")
    monkeypatch.setenv("TASKGRAFT_ARTIFACTS", "/data/artifacts")
    assert "canary" not in repr(from_environment())
