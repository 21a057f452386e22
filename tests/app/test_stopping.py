"""A server that is told to stop ends the answers that only wait, and is gone within seconds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from store import keys
from store.session import Database
from tests.app.tenant import CSV, spec, table
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]


def test_whoever_waits_is_let_go_at_the_stop(new_database_url: Callable[[str], str], tmp_path: Path):
    url, port = new_database_url("sqlite"), free_port()
    database = Database(url)
    with database.transaction() as session:
        key = keys.create_admin(session, "own", now=database.now(session)).secret
    database.dispose()
    settings = {"TASKGRAFT_DATABASE_URL": url, "TASKGRAFT_ARTIFACTS": str(tmp_path / "artifacts")}
    command = [sys.executable, "-m", "uvicorn", "--factory", "app.main:create_app", "--port", str(port), "--ws", "none"]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if b"running on" in line:
                break
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {key}"}) as client:
            dataset = client.post("/v1/datasets", content=table(), headers=CSV).json()["id"]
            job = client.post("/v1/jobs", json=spec(dataset)).json()["id"]
            headers = {"Accept": "text/event-stream"}
            with client.stream("GET", f"/v1/jobs/{job}/events", headers=headers) as answer:
                lines = answer.iter_lines()
                assert next(lines) == "id: 1"
                server.send_signal(signal.SIGTERM)
                assert "event: end" not in list(lines)
        server.communicate(timeout=20)

    assert server.returncode in (0, -signal.SIGTERM)
