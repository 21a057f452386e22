"""The worker as operators run it: a Celery process with threads, or a poller, on a real Redis; children run the toy."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from store.queue import Doorbell
from store.session import Database
from tests.conftest import free_port
from tests.worker.conftest import TOY, Yard
from worker.host import is_alive
from worker.runner import Bench
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
CELERY = ["-m", "celery", "-A", "worker.celery", "worker", "--pool", "threads", "-c", "2"]
CELERY += ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
POLLER = ["-m", "worker.poll"]


@pytest.fixture
def sqlite_yard(sqlite_url, artifacts, launcher):
    """Jobs of a SQLite file under its own clock, which another process reads too."""
    database = Database(sqlite_url)
    settings = WorkerSettings(database_url=sqlite_url, artifacts=artifacts.root, redis_url=None)
    yield Yard(Bench(database, artifacts, launcher, settings))
    database.dispose()


@pytest.fixture
def worker(sqlite_url, artifacts, tmp_path):
    """``with worker(redis_url=…) as process``: a worker process, killed at the end if it still runs."""

    @contextmanager
    def run(*, redis_url=None, poll_seconds=0.05, preload=TOY):
        settings = {
            "DATABASE_URL": sqlite_url,
            "ARTIFACTS": str(artifacts.root),
            "ENTRY": f"{TOY}:run",
            "PRELOAD": f'["{preload}"]',
            "POLL_SECONDS": str(poll_seconds),
            **({"REDIS_URL": redis_url} if redis_url else {}),
        }
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
        environment |= {f"TASKGRAFT_{name}": value for name, value in settings.items()}
        command = [sys.executable, *(CELERY if redis_url else POLLER)]
        with (tmp_path / "worker.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    return run


@pytest.fixture
def no_redis():
    """The address of a Redis that is not there."""
    return f"redis://:secret@127.0.0.1:{free_port()}/0"


def finish(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(20)


def test_a_ring_starts_a_job_without_a_poll(sqlite_yard, worker, redis_url, until):
    first = sqlite_yard.submit("fail")
    with worker(redis_url=redis_url, poll_seconds=600) as process:
        until(lambda: sqlite_yard.job(first).status == "failed")  # it looks once when it starts
        second = sqlite_yard.submit("fail")
        doorbell = Doorbell(redis_url)
        doorbell.ring("train")
        until(lambda: sqlite_yard.job(second).status == "failed")
        doorbell.close()
        assert finish(process) == 0


def test_a_worker_runs_jobs_while_redis_is_away_and_stops_when_told(sqlite_yard, worker, no_redis, until):
    job_id = sqlite_yard.submit("fail")
    with worker(redis_url=no_redis) as process:
        until(lambda: sqlite_yard.job(job_id).status == "failed")
        assert finish(process) == 0


def test_a_worker_without_redis_polls_and_stops_when_told(sqlite_yard, worker, until):
    job_id = sqlite_yard.submit("fail")
    with worker() as process:
        until(lambda: sqlite_yard.job(job_id).status == "failed")
        assert finish(process) == 0


@pytest.mark.parametrize("with_redis", [True, False])
def test_sigterm_gives_jobs_back_after_a_checkpoint(sqlite_yard, worker, redis_url, until, with_redis):
    job_id = sqlite_yard.submit("heed_stop")
    with worker(redis_url=redis_url if with_redis else None) as process:
        until(lambda: sqlite_yard.job(job_id).environment)
        assert finish(process) == 0
    job = sqlite_yard.job(job_id)
    assert (job.status, job.attempt, job.crash_count) == ("queued", 1, 0)
    assert [point.step for point in sqlite_yard.claim().checkpoints] == [1]


def test_after_kill_9_nothing_is_left_and_the_next_worker_goes_on_at_once(sqlite_yard, worker, until):
    job_id = sqlite_yard.submit("heed_stop")
    with worker() as process:
        until(lambda: sqlite_yard.job(job_id).environment)
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.kill()
        until(lambda: not [one for one in family if is_alive(one.pid)], seconds=5)
    with worker() as process:
        until(lambda: sqlite_yard.job(job_id).attempt == 2, seconds=25)  # well before its lease would have ended
        sqlite_yard.cancel(job_id)
        until(lambda: sqlite_yard.job(job_id).status == "cancelled")
    assert sqlite_yard.job(job_id).crash_count == 1


def test_the_worker_process_never_loads_torch():
    program = "import sys, worker.celery, worker.handlers, worker.poll; print([m for m in ('torch', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_worker_that_cannot_preload_its_recipes_does_not_start(worker, no_redis, tmp_path, with_redis):
    with worker(redis_url=no_redis if with_redis else None, preload="no.such") as process:
        assert process.wait(20) != 0
    assert "expected no.such in the forkserver" in (tmp_path / "worker.log").read_text()
