"""A toy that brings a job to any state in one line, on both databases, under a clock that only the test moves."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from store import claims, datasets, jobs, keys
from store.artifacts import Stored
from store.claims import Claim, Fence, Finished, NewModel, Outcome
from store.ids import new_id
from store.jobs import Job
from store.session import Database
from store.tables import AttemptRow
from tests.conftest import FakeClock

LEASE_SECONDS = 30.0
FAILURE = {"code": "training-diverged", "message": "…", "param": None, "category": "user", "retryable": False}


def blob(content: str = "weights") -> Stored:
    return Stored(hashlib.sha256(content.encode()).hexdigest(), len(content))


class Toy:
    """One project and one queue of its own in ``database``."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.clock = clock
        self.queue = f"train-{secrets.token_hex(4)}"
        with database.transaction() as session:
            self.project_id = keys.create_admin(session, secrets.token_hex(4), now=clock.time).project_id

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def dataset(self, name: str = "wine", content: str = "rows") -> str:
        with self.writing() as session:
            return datasets.add(
                session,
                self.project_id,
                now=self.clock.time,
                id=new_id("dataset"),
                name=name,
                format="csv",
                bytes=len(content),
                sha256=blob(content).sha256,
                artifact=blob(content + " as Parquet").sha256,
                description={"rows": 1, "columns": [], "warnings": []},
            ).id

    def submit(self, **options: Any) -> Job:
        defaults: dict[str, Any] = {
            "kind": "multitask",
            "name": "wine",
            "spec": {"seed": 0},
            "queue": self.queue,
            "priority": 0,
            "metadata": {},
            "datasets": [],
        }
        with self.writing() as session:
            return jobs.add(session, self.project_id, now=self.clock.time, **(defaults | options))

    def job(self, job_id: str) -> Job:
        with self.database.reading() as session:
            return jobs.get(session, self.project_id, job_id)

    def claim(self, **options: Any) -> Claim | None:
        who: dict[str, Any] = {"host": "here", "boot_id": "boot-1", "pid": 41} | options
        with self.writing() as session:
            return claims.claim(
                session,
                queue=self.queue,
                owner=secrets.token_hex(8),
                now=self.clock.time,
                lease_seconds=LEASE_SECONDS,
                **who,
            )

    def running(self, **options: Any) -> Fence:
        """A fresh job, claimed."""
        job = self.submit(**options)
        claim = self.claim()
        assert claim is not None
        assert claim.fence.job_id == job.id
        return claim.fence

    def reclaimed(self, old: Fence) -> Fence:
        """The next attempt's fence, after the owner of ``old`` was found dead."""
        self.clock.advance(LEASE_SECONDS + 10)
        assert self.rescue() == ["queued"]
        self.clock.advance(600)
        claim = self.claim()
        assert claim is not None
        assert claim.fence.job_id == old.job_id
        return claim.fence

    def rescue(self, **options: Any) -> list[str | None]:
        with self.writing() as session:
            overdue = [lease for lease in claims.expired(session, self.clock.time) if lease.queue == self.queue]
            return [claims.rescue(session, lease, now=self.clock.time, **options) for lease in overdue]

    def renew(self, fence: Fence) -> claims.Renewal:
        with self.writing() as session:
            return claims.renew(session, fence, now=self.clock.time, lease_seconds=LEASE_SECONDS)

    def report(self, fence: Fence, **told: Any) -> None:
        with self.writing() as session:
            claims.report(session, fence, now=self.clock.time, **told)

    def cancel(self, job_id: str, **options: Any) -> Job:
        with self.writing() as session:
            return jobs.request_cancel(session, self.project_id, job_id, now=self.clock.time, **options)

    def success(self, **options: Any) -> Outcome:
        model = NewModel(name="wine", header={"tasks": []}, artifact=blob())
        fruit: dict[str, Any] = {"model": model, "result": {"summary": "…"}}
        return Outcome("succeeded", **(fruit | options))

    def finish(self, fence: Fence, outcome: Outcome | None = None) -> Finished:
        with self.writing() as session:
            return claims.finish(session, fence, now=self.clock.time, outcome=outcome or self.success())

    def release(self, fence: Fence, **options: Any) -> str:
        with self.writing() as session:
            return claims.release(session, fence, now=self.clock.time, **options)

    def events(self, job_id: str) -> list[jobs.Event]:
        with self.database.reading() as session:
            return jobs.events(session, self.project_id, job_id)

    def points(self, job_id: str) -> list[tuple[int, float]]:
        with self.database.reading() as session:
            found = jobs.metric_points(session, self.project_id, job_id)
        return [(point.step, point.value) for point in found]

    def outcomes(self, job_id: str) -> list[str | None]:
        """How each attempt ended, in order."""
        with self.database.reading() as session:
            rows = select(AttemptRow.outcome).where(AttemptRow.job_id == job_id).order_by(AttemptRow.attempt)
            return list(session.scalars(rows))


@pytest.fixture
def toy(database: Database, clock: FakeClock) -> Toy:
    return Toy(database, clock)
