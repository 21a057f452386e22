"""A worker's bench on a real database, with children that run the toy recipe."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import forkserver
from typing import Any

import pytest

from store import jobs
from store.artifacts import ArtifactStore
from store.claims import Claim, claim
from store.ids import new_id
from store.keys import create_admin
from store.session import Database
from worker.host import boot_seconds, identity
from worker.launch import Launcher
from worker.runner import Bench, run_attempt
from worker.settings import WorkerSettings

TOY = "tests.worker.toy"


def wait_until(condition: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """Return the condition's first true answer; fail when there is none in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"expected {condition} within {seconds} s, found it false"
        pause.wait(0.01)
    return answer


@pytest.fixture
def until() -> Callable[..., Any]:
    return wait_until


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """One warm forkserver for the session, with the toy in place of torch and the recipes."""
    launcher = Launcher(preload=[TOY], threads=1)
    launcher.warm(tmp_path_factory.mktemp("warm"))
    yield launcher
    # by itself it ends a moment after this process, and whoever looks for leftovers at once finds it
    server: Any = forkserver
    server._forkserver._stop()


@pytest.fixture
def settings(database_url: str, artifacts: ArtifactStore) -> WorkerSettings:
    return WorkerSettings(
        database_url=database_url,
        artifacts=artifacts.root,
        redis_url=None,
        entry=f"{TOY}:run",
        preload=(TOY,),
        threads=1,
        poll_seconds=0.05,
        cancel_poll_seconds=0.05,
        grace_seconds=5.0,
        cancel_grace_seconds=5.0,
        keep_best_grace_seconds=5.0,
    )


@pytest.fixture
def bench(database: Database, artifacts: ArtifactStore, launcher: Launcher, settings: WorkerSettings) -> Bench:
    return Bench(database, artifacts, launcher, settings)


class Yard:
    """A project whose jobs the tests submit, claim and look at."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        with bench.database.transaction() as session:
            self.project = create_admin(session, "test", now=bench.database.now(session)).project_id

    def submit(self, mode: str, *, queue: str = "train") -> str:
        with self.bench.database.transaction() as session:
            return jobs.add(
                session,
                self.project,
                now=self.bench.database.now(session),
                kind="multitask",
                name="toy",
                spec={"mode": mode},
                queue=queue,
                priority=0,
                metadata={},
                datasets=[],
            ).id

    def claim(self, *, queue: str = "train", pid: int | None = None) -> Claim:
        me = identity()
        with self.bench.database.transaction() as session:
            found = claim(
                session,
                queue=queue,
                owner=new_id("key"),
                now=self.bench.database.now(session),
                lease_seconds=self.bench.settings.lease_seconds,
                host=me.host,
                boot_id=me.boot_id,
                pid=me.pid if pid is None else pid,
            )
        assert found is not None, "expected a waiting job"
        return found

    def run(self, mode: str, **settings: Any) -> jobs.Job:
        """Submit, claim and run one attempt to its end."""
        job_id = self.submit(mode)
        self.attempt(**settings)
        return self.job(job_id)

    def attempt(self, **settings: Any) -> Any:
        return run_attempt(self.bench_with(**settings), self.claim(), queue.SimpleQueue(), claimed_at=boot_seconds())

    def bench_with(self, **settings: Any) -> Bench:
        return replace(self.bench, settings=self.bench.settings.model_copy(update=settings))

    def job(self, job_id: str) -> jobs.Job:
        with self.bench.database.reading() as session:
            return jobs.get(session, self.project, job_id)

    def cancel(self, job_id: str, *, keep_best: bool = False) -> None:
        with self.bench.database.transaction() as session:
            now = self.bench.database.now(session)
            jobs.request_cancel(session, self.project, job_id, now=now, keep_best=keep_best)

    def logs(self, job_id: str) -> list[dict[str, Any]]:
        with self.bench.database.reading() as session:
            found = jobs.events(session, self.project, job_id)
        return [dict(event.data) for event in found if event.type == "log"]


@pytest.fixture
def yard(bench: Bench) -> Yard:
    return Yard(bench)
