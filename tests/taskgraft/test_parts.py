"""A part as a process: started on a leash, revived with a growing pause, ended with all it left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from taskgraft.parts import Part, Plan, pause_seconds

ROOT = Path(__file__).parents[2]
WAIT = "import sys; print(sys.stdin.read(), flush=True); import threading; threading.Event().wait(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}"
WITH_HELPER = f"import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); {WAIT}"


def until(condition, *, seconds=10.0):
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"expected {condition} within {seconds} s, found it false"
        pause.wait(0.01)
    return answer


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def part(tmp_path):
    opened = []

    def make(program, *, stdin=b"ready", patience_seconds=5.0):
        plan = Plan("part", [sys.executable, "-c", program], dict(os.environ), patience_seconds, stdin)
        opened.append(Part(plan, folder=tmp_path))
        opened[-1].start()
        return opened[-1]

    yield make
    hurry = threading.Event()
    hurry.set()
    for one in opened:
        one.end(hurry=hurry)


def test_a_part_reads_its_secret_and_writes_its_log(part):
    one = part(WAIT, stdin=b"a secret")
    until(lambda: one.last_words() == "a secret")
    assert "a secret" not in " ".join(psutil.Process(one.pid).cmdline())


def test_a_part_that_is_asked_ends(part):
    one = part(WAIT)
    until(one.last_words)
    one.ask()
    assert one.end(hurry=threading.Event()) == -signal.SIGTERM
    assert one.pid is None


def test_a_part_that_does_not_listen_is_killed_when_its_patience_is_over(part):
    one = part(STUBBORN, patience_seconds=0.2)
    until(one.last_words)
    one.ask()
    assert one.end(hurry=threading.Event()) == -signal.SIGKILL


def test_a_hurry_ends_the_patience(part):
    one, hurry = part(STUBBORN, patience_seconds=600.0), threading.Event()
    until(one.last_words)
    one.ask()
    hurry.set()
    assert one.end(hurry=hurry) == -signal.SIGKILL


def test_what_a_part_left_behind_ends_with_it(part):
    one = part(WITH_HELPER)
    helper = int(until(one.last_words).splitlines()[0])
    one.ask()
    one.end(hurry=threading.Event())
    assert not alive(helper)


def test_a_part_that_died_is_revived_once(part):
    one = part(WAIT)
    before = one.pid
    assert not one.revive()
    os.kill(before, signal.SIGKILL)
    until(one.revive)
    assert one.pid not in (None, before)
    assert not one.revive()


def test_a_part_that_keeps_dying_waits_longer_each_time():
    assert [pause_seconds(failures) for failures in (0, 1, 2, 3, 4, 100)] == [0.0, 0.0, 0.2, 0.4, 0.8, 10.0]


STARTER = """
import os, sys, threading
from pathlib import Path
from taskgraft.parts import Part, Plan
part = Part(Plan("part", [sys.executable, "-c", sys.argv[2]], dict(os.environ), 5.0), folder=Path(sys.argv[1]))
part.start()
print(part.pid, flush=True)
threading.Event().wait(60)
"""


def test_a_part_dies_with_the_process_that_started_it(tmp_path):
    command = [sys.executable, "-c", STARTER, str(tmp_path), WAIT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        assert alive(pid)
        starter.kill()
    until(lambda: not alive(pid), seconds=2.0)
