"""What an attempt's course means, as a table."""

import signal

import pytest

from worker.endings import Course, Crashed, Fenced, Finished, Preempted, judge, order
from worker.messages import Ended, Files, Problem

MODEL = Files(model="model.safetensors", result="result.json")
REASON = Problem(code="constant-target", message="One value.", param="/tasks/0", category="user", retryable=False)
SUCCEEDED = Ended(type="ended", outcome="succeeded", files=MODEL)
CANCELLED = Ended(type="ended", outcome="cancelled")
PREEMPTED = Ended(type="ended", outcome="preempted")
FAILED = Ended(type="ended", outcome="failed", error=REASON)
SEGFAULT, KILLED = -signal.SIGSEGV, -signal.SIGKILL


@pytest.mark.parametrize(
    ("course", "ending"),
    [
        (Course(ended=SUCCEEDED), Finished("succeeded", MODEL)),
        (Course(ended=SUCCEEDED, stop="cancel"), Finished("succeeded", MODEL)),  # the store lets the cancel win
        (Course(ended=SUCCEEDED, exit_code=SEGFAULT), Finished("succeeded", MODEL)),  # its word came before
        (Course(ended=SUCCEEDED, killed_for="grace"), Finished("succeeded", MODEL)),  # it was slow to leave
        (Course(ended=SUCCEEDED, killed_for="lease"), Fenced()),
        (Course(ended=FAILED), Finished("failed", error=REASON.model_dump())),
        (Course(ended=CANCELLED, stop="cancel"), Finished("cancelled")),
        (Course(ended=CANCELLED, stop="keep_best"), Finished("cancelled")),
        (Course(ended=PREEMPTED, stop="preempt"), Preempted()),
        (Course(ended=PREEMPTED, stop="cancel"), Preempted()),  # both were asked for; the store settles it
        (Course(killed_for="grace", stop="preempt", exit_code=KILLED), Preempted()),
        (Course(killed_for="grace", stop="cancel", exit_code=KILLED), Finished("cancelled")),
        (Course(killed_for="grace", stop="keep_best", exit_code=KILLED), Finished("cancelled")),
        (Course(killed_for="lease", exit_code=KILLED), Fenced()),
        (Course(exit_code=SEGFAULT), Crashed("worker-crashed", signal.SIGSEGV)),
        (Course(exit_code=KILLED), Crashed("worker-crashed", signal.SIGKILL)),
        (Course(exit_code=KILLED, out_of_memory=True), Crashed("worker-oom", signal.SIGKILL)),
        (Course(exit_code=SEGFAULT, out_of_memory=True), Crashed("worker-crashed", signal.SIGSEGV)),
        (Course(exit_code=0), Crashed("worker-crashed", None)),
        (Course(exit_code=7), Crashed("worker-crashed", None)),
        (Course(killed_for="garbled", exit_code=KILLED, out_of_memory=True), Crashed("worker-crashed", signal.SIGKILL)),
        (Course(killed_for="garbled", ended=SUCCEEDED), Crashed("worker-crashed", None)),
    ],
)
def test_a_course_has_one_ending(course, ending):
    assert judge(course, max_job_seconds=60) == ending


@pytest.mark.parametrize("word", [CANCELLED, PREEMPTED])
def test_a_child_that_stops_unasked_has_crashed(word):
    assert judge(Course(ended=word), max_job_seconds=60) == Crashed("worker-crashed", None)


def test_the_servers_own_limit_fails_the_job():
    ending = judge(Course(killed_for="timeout", exit_code=KILLED), max_job_seconds=60)
    assert isinstance(ending, Finished)
    assert ending.status == "failed"
    assert ending.error is not None
    assert (ending.error["code"], ending.error["category"]) == ("timed-out", "capacity")
    assert "60 seconds" in ending.error["message"]


def test_a_failure_without_a_reason_gets_one():
    ending = judge(Course(ended=Ended(type="ended", outcome="failed")), max_job_seconds=60)
    assert isinstance(ending, Finished)
    assert ending.error is not None
    assert ending.error["code"] == "internal-error"


def test_an_order_gives_way_to_a_stronger_one_only():
    course = order(Course(), "preempt")
    assert course is not None
    cancelled = order(course, "cancel")
    assert cancelled is not None
    assert cancelled.stop == "cancel"
    assert order(cancelled, "preempt") is None
    assert order(cancelled, "cancel") is None
