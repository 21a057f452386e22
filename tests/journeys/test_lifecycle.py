"""The lifecycle over HTTP, on real processes and real signals: what dies comes back, and nothing is lost or left."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from taskgraft import Taskgraft
from taskgraft.folder import FolderInUse
from taskgraft.up import Service, StartFailed
from tests.conftest import free_port
from tests.journeys.conftest import clean_environment
from tests.journeys.lifecycle import ROWS, checkpoints, endless, family, job, living, pids, short, upload

# long enough for a checkpoint, which comes five seconds after the start at the earliest
TRAINING_SECONDS = 9.0


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A service of this module's own, whose parts it may kill."""
    with Service(tmp_path_factory.mktemp("own") / "data", environment=clean_environment()) as running:
        yield running


@pytest.fixture(scope="module")
def client(own):
    with Taskgraft(own.url, own.key) as client:
        yield client


@pytest.fixture(scope="module")
def dataset(client):
    return upload(client)


@pytest.fixture(scope="module")
def epochs(client, dataset):
    """As many as this machine trains in `TRAINING_SECONDS`."""
    done = client.wait(client.submit(job(dataset, epochs=40))["id"])
    return math.ceil(TRAINING_SECONDS * 40 / done["result"]["seconds"]["training"])


def training(client, job_id):
    """The job once its first epoch is over."""
    return (found := client.job(job_id))["progress"].get("epoch") and found


def without_clocks(result):
    return {name: value for name, value in result.items() if name not in ("seconds", "test_predictions")}


def test_after_kill_9_of_the_worker_the_job_resumes_and_equals_an_uninterrupted_one(
    own, client, dataset, epochs, until
):
    interrupted = client.submit(job(dataset, epochs=epochs))["id"]
    until(lambda: checkpoints(own, interrupted), seconds=60)
    processes = family(pids(own)["worker"])
    processes[0].kill()
    until(lambda: not living(processes), seconds=5)
    killed_at = time.monotonic()
    until(lambda: client.job(interrupted)["attempt"] == 2, seconds=20)
    rescued_after = time.monotonic() - killed_at
    first = client.wait(interrupted)
    second = client.wait(client.submit(job(dataset, epochs=epochs))["id"])

    assert (first["status"], first["attempt"]) == ("succeeded", 2)
    assert (second["status"], second["attempt"]) == ("succeeded", 1)
    assert without_clocks(first["result"]) == without_clocks(second["result"])
    models = [client.get(f"/v1/models/{done['model']}") for done in (first, second)]
    assert models[0]["sha256"] == models[1]["sha256"], "bit for bit"
    assert [model["id"] for model in client.pages("/v1/models") if model["job"] == interrupted] == [first["model"]]
    assert rescued_after < 20, "the new worker first imports torch; the rescue itself comes before"


def test_a_resumed_job_tells_each_point_of_its_series_once(client, epochs):
    resumed = next(found for found in client.pages("/v1/jobs") if found["attempt"] == 2)
    points = client.get(f"/v1/jobs/{resumed['id']}/metrics", name="validation/loss", limit=10_000)["data"]
    told = [(point["task"], point["step"]) for point in points]
    assert len(told) == len(set(told)) == 3 * epochs


@pytest.mark.parametrize("part", ["api", "worker", "redis"])
def test_a_part_that_dies_is_restarted(own, client, until, part):
    before = pids(own)
    os.kill(before[part], signal.SIGKILL)
    until(lambda: pids(own)[part] != before[part])
    until(lambda: _answers(client))
    after = pids(own)
    assert {name for name in before if before[name] != after[name]} == {part}


def _answers(client):
    try:
        return client.get("/v1/jobs", limit=1)
    except Exception:
        return None


def test_a_cancel_frees_the_slot_within_15_seconds(own, client, dataset, until):
    running = client.submit(endless(dataset))["id"]
    until(lambda: training(client, running))
    waiting = client.submit(short(dataset))["id"]
    assert client.cancel(running)["status"] == "cancelling"
    until(lambda: client.job(waiting)["status"] in ("running", "succeeded"), seconds=15)
    done = client.wait(running)
    assert (done["status"], done["model"], done["result"]) == ("cancelled", None, None)
    assert client.wait(waiting)["status"] == "succeeded"


def test_a_cancel_with_keep_best_stores_a_model_that_predicts(own, client, dataset, until):
    running = client.submit(endless(dataset))["id"]
    until(lambda: training(client, running))
    client.cancel(running, keep_best=True)
    done = client.wait(running)
    assert done["status"] == "cancelled"
    assert done["model"] is not None
    predicted = client.predict(done["model"], columns={f"x{i}": [0.0] for i in range(10)})["predictions"]
    assert len(predicted["y"]["values"]) == 1


def test_jobs_are_accepted_and_run_while_redis_is_away(started, until):
    running, client = started(REDIS_URL=f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert set(pids(running)) == {"api", "worker"}
    dataset = upload(client)
    asked_at = time.monotonic()
    submitted = client.submit(short(dataset))
    assert time.monotonic() - asked_at < 1.5
    assert client.wait(submitted["id"])["status"] == "succeeded"


def test_a_restart_finds_all_data_and_goes_on_with_what_was_unfinished(started, until):
    running, client = started()
    dataset, key = upload(client), running.key
    job_id = client.submit(job(dataset, epochs=60))["id"]
    until(lambda: training(client, job_id))
    processes = family(*pids(running).values())
    running.stop()
    assert living(processes) == []
    assert not running.folder.service_file.exists()

    again, client = started()
    assert again.key == key
    assert client.get(f"/v1/datasets/{dataset}")["rows"] == ROWS
    done = client.wait(job_id)
    assert (done["status"], done["attempt"]) == ("succeeded", 2)


def test_a_worker_that_slept_writes_nothing_once_its_job_was_taken(started, postgres_url, until):
    """The server profile's database. The sleeper's child goes on meanwhile, and even finishes."""
    times = {"LEASE_SECONDS": "3", "RENEW_SECONDS": "0.5", "SELF_FENCE_SECONDS": "2", "RESCUE_SECONDS": "0.2"}
    settings = {"DATABASE_URL": postgres_url, **times}
    running, client = started(**settings)
    dataset = upload(client)
    job_id = client.submit(job(dataset, epochs=30))["id"]
    until(lambda: training(client, job_id), seconds=60)
    sleeper = pids(running)["worker"]
    helpers = family(sleeper)[1:]
    os.kill(sleeper, signal.SIGSTOP)
    settings["ARTIFACTS"] = str(running.folder.path / "artifacts")
    environment = clean_environment() | {f"TASKGRAFT_{name}": value for name, value in settings.items()}
    with subprocess.Popen([sys.executable, "-m", "worker.poll"], env=environment) as other:
        done = client.wait(job_id)
        before = (client.job(job_id), list(client.pages(f"/v1/jobs/{job_id}/events")))
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
        os.kill(sleeper, signal.SIGCONT)
        until(lambda: len(living(helpers)) == 2)  # its tracker and its forkserver: the attempt's child is gone
        last = client.wait(client.submit(short(dataset))["id"])
        other.terminate()
    assert last["status"] == "succeeded"
    assert (client.job(job_id), list(client.pages(f"/v1/jobs/{job_id}/events"))) == before
    assert [model["job"] for model in client.pages("/v1/models")].count(job_id) == 1


def test_a_folder_belongs_to_one_service_at_a_time(own):
    with pytest.raises(FolderInUse, match="expected a data folder of no running service"):
        Service.start(own.folder.path)
    assert own.folder.service_file.exists()


def test_a_port_that_is_taken_is_named(own, tmp_path):
    port = int(own.url.rpartition(":")[2])
    with pytest.raises(StartFailed, match=f"expected a free port {port} on 127.0.0.1, found: Address already in use"):
        Service.start(tmp_path / "data", port=port)
    assert own.folder.service_file.exists()


COMMAND = [sys.executable, "-m", "taskgraft.cli", "up", "--port", "0", "--data"]


class Up:
    """`taskgraft up` as a process."""

    def __init__(self, data: Path) -> None:
        self.file = data / "service.json"
        environment = {**clean_environment(), "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen([*COMMAND, str(data)], env=environment, stdout=subprocess.PIPE)

    def processes(self):
        told = json.loads(self.file.read_text())["pids"]
        return family(self.process.pid, *told.values())

    def end(self, number):
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_nothing_survives_up_whether_it_is_killed_or_stopped(tmp_path, until):
    killed = Up(tmp_path / "data")
    until(killed.file.exists, seconds=60)
    processes = killed.processes()
    assert len(processes) >= 4
    killed.end(signal.SIGKILL)
    until(lambda: not living(processes), seconds=30)  # a forkserver that still imports torch sees it only then

    killed.file.unlink()  # nobody could withdraw it
    stopped = Up(tmp_path / "data")
    until(stopped.file.exists, seconds=60)
    processes = stopped.processes()
    assert stopped.end(signal.SIGINT) == 0
    assert living(processes) == []
    assert not stopped.file.exists()
