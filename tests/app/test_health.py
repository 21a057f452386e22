"""Alive is the process, ready is what it stands on."""

from pathlib import Path

import httpx

from tests.app.conftest import small_settings


def test_a_service_whose_parts_answer_is_ready(anonymous: httpx.Client):
    assert anonymous.get("/healthz").json() == {"status": "ok"}
    assert anonymous.get("/readyz").json() == {"status": "ok"}


def test_a_service_without_its_database_is_alive_but_not_ready(serve, tmp_path: Path):
    settings = small_settings(f"sqlite:///{tmp_path}/gone/away.db", tmp_path / "artifacts")
    url = serve(settings)

    alive, ready = httpx.get(f"{url}/healthz"), httpx.get(f"{url}/readyz")

    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["code"], ready.headers["retry-after"]) == (503, "not-ready", "1")
    assert str(tmp_path) not in ready.text


def test_a_database_that_does_not_answer_is_the_servers_fault_and_worth_a_retry(serve, tmp_path: Path):
    settings = small_settings("postgresql://nobody@127.0.0.1:1/none", tmp_path / "artifacts")
    url = serve(settings)

    answer = httpx.get(f"{url}/v1/jobs", headers={"Authorization": "Bearer tg_x"})

    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "database-busy", True)
