"""Every ending of an attempt, each made by the toy, on both databases."""

import queue
import threading

import pyarrow.parquet as pq
import pytest

from store import claims, datasets, jobs, models
from store.errors import LeaseLost
from tests.worker.conftest import wait_until
from worker.conversation import Order
from worker.endings import Crashed, Fenced, Finished, Preempted
from worker.host import boot_seconds
from worker.runner import run_attempt


def test_a_success_stores_its_model_its_result_and_its_predictions(yard, artifacts):
    job = yard.run("succeed")
    assert (job.status, job.attempt, job.crash_count, job.error) == ("succeeded", 1, 0, None)
    assert job.environment == {"version": "toy", "torch": "none", "device": "cpu", "threads": 1}
    assert job.progress["fraction"] == 1.0
    assert job.result is not None
    assert job.result["summary"] == "Sharing helped."
    assert job.result["tasks"]["quality"]["verdict"] == "helped"
    with yard.bench.database.reading() as session:
        assert job.model_id is not None
        model = models.get(session, yard.project, job.model_id)
        predictions = datasets.get(session, yard.project, job.result["test_predictions"])
        results = jobs.task_results(session, yard.project, job.id)
    assert artifacts.path(model.artifact).read_bytes() == b"weights"
    assert model.header["adaptable"] is True
    assert predictions.description["rows"] == 2
    assert pq.read_table(artifacts.path(predictions.artifact)).column("quality").to_pylist() == [5.5, 6.0]
    assert [task.name for task in results.items] == ["quality"]
    assert [log["message"] for log in yard.logs(job.id)] == ["a word for the operator"]


def test_text_that_looks_like_an_escape_is_text(yard):
    job = yard.run("name_a_class_like_an_escape")
    assert (job.status, list(job.result["tasks"])) == ("succeeded", [r"\u0000 \\\u0000"])


def test_a_result_of_many_tasks_leaves_them_to_the_pages_and_keeps_the_rest(yard):
    job = yard.run("name_many_tasks")
    assert job.result.keys() == {"summary", "counts", "test_predictions"}
    with yard.bench.database.reading() as session:
        found = jobs.task_results(session, yard.project, job.id, limit=100)
    assert [task.name for task in found.items] == [str(number) for number in range(51)]


def test_what_a_child_measured_is_stored(yard):
    job = yard.run("succeed")
    with yard.bench.database.reading() as session:
        points = jobs.metric_points(session, yard.project, job.id, name="train/loss")
    assert [(point.step, point.value) for point in points] == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]


@pytest.mark.parametrize(
    ("mode", "code", "category"),
    [
        ("fail", "constant-target", "user"),
        ("blow_up", "internal-error", "server"),
        ("exhaust", "out-of-memory", "capacity"),
        ("succeed_without_files", "internal-error", "server"),
        ("name_a_nul", "internal-error", "server"),
        ("name_two_tasks_alike", "internal-error", "server"),
        ("claim_a_foreign_file", "internal-error", "server"),
    ],
)
def test_a_failure_says_why_and_stores_nothing(yard, mode, code, category):
    job = yard.run(mode)
    assert (job.status, job.attempt, job.crash_count) == ("failed", 1, 0)
    assert job.error is not None
    assert (job.error["code"], job.error["category"]) == (code, category)
    assert job.model_id is None
    assert job.result is None


@pytest.mark.parametrize("mode", ["leave", "segfault", "kill_itself", "speak_too_long", "speak_garbage"])
def test_a_crash_goes_back_to_the_queue_at_once(yard, mode):
    job = yard.run(mode)
    assert (job.status, job.attempt, job.crash_count) == ("queued", 1, 1)
    assert yard.logs(job.id)[-1]["level"] == "error"
    assert yard.claim().fence.attempt == 2


def test_a_poison_job_stops_after_three_crashes(yard, clock):
    job_id = yard.submit("abort")
    for _ in range(3):
        clock.advance(3600)
        yard.attempt()
    job = yard.job(job_id)
    assert (job.status, job.attempt, job.crash_count) == ("failed", 3, 3)
    assert job.error is not None
    assert job.error["code"] == "worker-crashed"
    assert "signal 6" in job.error["message"]


def test_an_attempt_goes_on_from_the_checkpoint_of_a_crashed_one(yard):
    job_id = yard.submit("crash_once")
    assert isinstance(yard.attempt(), Crashed)
    assert isinstance(yard.attempt(), Finished)
    job = yard.job(job_id)
    assert (job.status, job.attempt, job.crash_count) == ("succeeded", 2, 1)


def test_a_checkpoint_that_was_changed_is_not_used(yard, artifacts):
    job_id = yard.submit("crash_once")
    yard.attempt()
    for file in artifacts.checkpoints(job_id).iterdir():
        file.write_bytes(b"torn")
    assert isinstance(yard.attempt(), Crashed)  # it began anew, and died anew


def test_nothing_of_an_ended_job_stays_in_its_folders(yard, artifacts):
    yard.run("succeed")
    yard.run("fail")
    assert [list(artifacts.root.joinpath(name).iterdir()) for name in ("work", "checkpoints")] == [[], []]


def test_the_folder_of_an_attempt_goes_with_it_and_the_checkpoints_stay_for_the_next(yard, artifacts):
    job_id = yard.submit("crash_once")
    yard.attempt()
    assert list((artifacts.root / "work").iterdir()) == []
    assert len(list(artifacts.checkpoints(job_id).iterdir())) == 1


def test_an_attempt_over_the_servers_limit_fails_as_timed_out(yard):
    job = yard.run("ignore_stop", max_job_seconds=0.3)
    assert job.status == "failed"
    assert job.error is not None
    assert (job.error["code"], job.error["retryable"]) == ("timed-out", True)


class Running:
    """An attempt in a thread, once its child speaks."""

    def __init__(self, yard, mode, **settings):
        self.mailbox: queue.SimpleQueue = queue.SimpleQueue()
        self.yard = yard
        self.job_id = yard.submit(mode)
        self.claim = yard.claim()
        self.bench = yard.bench_with(**settings)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        wait_until(lambda: yard.job(self.job_id).environment)

    def _run(self):
        self.ending = run_attempt(self.bench, self.claim, self.mailbox, claimed_at=boot_seconds())

    def end(self):
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.yard.job(self.job_id)


def test_a_cancel_ends_the_attempt_without_a_model(yard):
    running = Running(yard, "heed_stop")
    yard.cancel(running.job_id)
    job = running.end()
    assert (job.status, job.model_id, job.crash_count) == ("cancelled", None, 0)


def test_a_cancel_with_keep_best_stores_the_model(yard):
    running = Running(yard, "heed_stop")
    yard.cancel(running.job_id, keep_best=True)
    job = running.end()
    assert job.status == "cancelled"
    assert job.model_id is not None


def test_a_child_that_ignores_a_cancel_is_killed(yard):
    running = Running(yard, "ignore_stop", cancel_grace_seconds=0.2)
    yard.cancel(running.job_id)
    job = running.end()
    assert (job.status, job.model_id, job.crash_count) == ("cancelled", None, 0)


def test_a_preempted_attempt_checkpoints_and_the_next_goes_on(yard):
    running = Running(yard, "heed_stop")
    running.mailbox.put(Order("preempt"))
    job = running.end()
    assert running.ending == Preempted()
    assert (job.status, job.crash_count) == ("queued", 0)
    assert [point.step for point in yard.claim().checkpoints] == [1]


def test_a_child_that_ignores_a_preemption_is_killed_without_a_charge(yard):
    running = Running(yard, "ignore_stop", grace_seconds=0.2)
    running.mailbox.put(Order("preempt"))
    job = running.end()
    assert (job.status, job.crash_count) == ("queued", 0)


def test_an_attempt_whose_job_was_taken_away_writes_nothing_more(yard):
    running = Running(yard, "heed_stop")
    with yard.bench.database.transaction() as session:
        (lease,) = claims.leases(session)
        claims.rescue(session, lease, now=yard.bench.database.now(session))
    later = yard.claim()
    before = yard.job(running.job_id)
    running.end()
    assert running.ending == Fenced()
    assert yard.job(running.job_id) == before
    with yard.bench.database.transaction() as session, pytest.raises(LeaseLost):
        claims.report(session, running.claim.fence, now=before.updated_at, progress={"fraction": 0.9})
    assert later.fence.attempt == 2
