"""A project as a test sees it: its HTTP client, and the store behind the API's back."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from app.settings import AppSettings
from store import claims
from store.artifacts import ArtifactStore
from store.claims import Claim, Outcome
from store.session import Database
from store.tables import AliasMoveRow, AliasRow, DatasetRow, IdempotencyRow, JobRow, ModelRow

CSV = {"Content-Type": "text/csv"}
VISIBLE = (AliasMoveRow, AliasRow, DatasetRow, JobRow, ModelRow, IdempotencyRow)


@dataclass(frozen=True)
class Service:
    """A running API and what it stands on."""

    url: str
    database: Database
    artifacts: ArtifactStore
    settings: AppSettings

    def footprint(self) -> dict[str, int]:
        """How many rows and files there are, staged ones too."""
        with self.database.reading() as session:
            counts = {
                table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in VISIBLE
            }
        files = sum(len(names) for _, _, names in os.walk(self.artifacts.root))  # and .lock
        return {**counts, "files": files}


@dataclass(frozen=True)
class Tenant:
    """One project and its client."""

    service: Service
    client: httpx.Client
    project_id: str
    secret: str

    def upload(self, content: bytes, *, headers: Mapping[str, str] = CSV, **params: str) -> dict[str, Any]:
        """A stored dataset."""
        answer = self.client.post("/v1/datasets", content=content, headers=dict(headers), params=params)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def submit(self, spec: Mapping[str, Any], **headers: str) -> dict[str, Any]:
        """A queued job."""
        answer = self.client.post("/v1/jobs", json=spec, headers=headers)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, dataset_id: str, **fields: Any) -> dict[str, Any]:
        """A queued job with one task on the table of :func:`table`."""
        return self.submit(spec(dataset_id, **fields))

    def claim(self, job_id: str, *, queue: str = "train") -> Claim:
        """Take the job up as a worker would; what other tests have left in the queue is cancelled first."""
        database = self.service.database
        while True:
            with database.transaction() as session:
                now = database.now(session)
                held = claims.claim(
                    session,
                    queue=queue,
                    owner=uuid4().hex,
                    now=now,
                    lease_seconds=3600,
                    host="test",
                    boot_id="test",
                    pid=1,
                )
                assert held is not None, "expected the job in the queue, found the queue empty"
                if held.fence.job_id == job_id:
                    return held
                claims.finish(session, held.fence, now=now, outcome=Outcome("failed", error=FAILURE))

    def report(self, held: Claim, **what: Any) -> None:
        """Tell what the attempt has done so far."""
        database = self.service.database
        with database.transaction() as session:
            claims.report(session, held.fence, now=database.now(session), **what)

    def finish(self, held: Claim, outcome: Outcome) -> None:
        """End the attempt."""
        database = self.service.database
        with database.transaction() as session:
            claims.finish(session, held.fence, now=database.now(session), outcome=outcome)


FAILURE = {
    "code": "abandoned",
    "message": "left by another test",
    "param": None,
    "category": "server",
    "retryable": False,
}


def table(rows: int = 60) -> bytes:
    """A CSV with two features, a regression target ``y`` and a binary one ``z``."""
    lines = ["a,b,y,z"]
    lines += [
        f"{i % 7},{(i * 37) % 11},{i % 7 + 2 * ((i * 37) % 11) + i / 100},{'yes' if i % 2 else 'no'}"
        for i in range(rows)
    ]
    return ("\n".join(lines) + "\n").encode()


def spec(dataset_id: str, **fields: Any) -> dict[str, Any]:
    """A small multi-task job."""
    tasks = [{"name": "y", "dataset": dataset_id, "target": "y"}, {"name": "z", "dataset": dataset_id, "target": "z"}]
    return {"kind": "multitask", "tasks": tasks, "training": {"epochs": 2}, **fields}
