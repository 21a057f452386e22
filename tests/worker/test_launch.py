"""A child as its supervisor meets it: what it may know, what it says, how it goes."""

import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.conftest import TOY, wait_until
from worker.host import is_alive
from worker.launch import Child, Exited, Garbled, Launcher, PreloadFailed
from worker.messages import Ended, Log, Started

ROOT = Path(__file__).parents[2]


def start(launcher: Launcher, folder: Path, mode: str) -> tuple[Child, queue.SimpleQueue]:
    mailbox: queue.SimpleQueue = queue.SimpleQueue()
    order = {"entry": f"{TOY}:run", "spec": {"mode": mode}, "folder": str(folder), "checkpoints": [], "attempt": 1}
    return launcher.start({**order, "checkpoint_folder": str(folder)}, mailbox), mailbox


def hear(mailbox: queue.SimpleQueue) -> list:
    heard = [mailbox.get(timeout=20)]
    while not isinstance(heard[-1], Exited):
        heard.append(mailbox.get(timeout=20))
    return heard


def test_a_child_reports_and_exits(launcher, tmp_path):
    _, mailbox = start(launcher, tmp_path, "succeed")
    heard = hear(mailbox)
    assert isinstance(heard[0], Started)
    assert isinstance(heard[-2], Ended)
    assert heard[-2].outcome == "succeeded"
    assert heard[-1] == Exited(0)


def test_a_child_starts_with_its_modules_loaded(launcher, tmp_path):
    _, mailbox = start(launcher, tmp_path, "succeed")
    assert hear(mailbox)[0].preloaded is True


def test_a_temporary_folder_too_deep_for_sockets_keeps_no_worker_from_starting(tmp_path):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    script = f"import pathlib, worker.launch as it; it.Launcher(preload=['{TOY}'], threads=1).warm(pathlib.Path())"
    variables = {**os.environ, "TMPDIR": str(deep)}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_preload_that_failed_is_noticed(launcher, tmp_path):
    with pytest.raises(PreloadFailed, match=r"expected no\.such\.module in the forkserver"):
        Launcher(preload=["no.such.module"], threads=1).warm(tmp_path)


def test_a_child_knows_no_secret_and_no_server(launcher, tmp_path, monkeypatch):
    monkeypatch.setenv("TASKGRAFT_DATABASE_URL", "sqlite:////secret.db")
    child, mailbox = start(launcher, tmp_path, "tell_its_world")
    world = json.loads(next(word.message for word in hear(mailbox) if isinstance(word, Log)))
    assert not [name for name in world["environment"] if name.startswith("TASKGRAFT_")]
    assert "secret" not in json.dumps(world["environment"])
    assert world["environment"]["OMP_NUM_THREADS"] == "1"
    assert world["loaded"] == []
    assert world["cwd"] == str(tmp_path)
    assert world["session"] == world["pid"] == child.pid
    assert world["core"] == [0, 0]


@pytest.mark.parametrize(
    ("mode", "code"),
    [("leave", 7), ("segfault", -signal.SIGSEGV), ("abort", -signal.SIGABRT), ("kill_itself", -signal.SIGKILL)],
)
def test_a_child_that_dies_leaves_its_exit_code(launcher, tmp_path, mode, code):
    _, mailbox = start(launcher, tmp_path, mode)
    heard = hear(mailbox)
    assert heard[-1] == Exited(code)
    assert not any(isinstance(word, Ended | Garbled) for word in heard)


@pytest.mark.parametrize(("mode", "found"), [("speak_too_long", "a larger one"), ("speak_garbage", "Invalid JSON")])
def test_words_that_are_no_message_are_told_apart_from_silence(launcher, tmp_path, mode, found):
    child, mailbox = start(launcher, tmp_path, mode)
    assert isinstance(mailbox.get(timeout=20), Started)
    garbled = mailbox.get(timeout=20)
    assert isinstance(garbled, Garbled)
    assert found in garbled.detail
    child.kill()
    assert mailbox.get(timeout=20) == Exited(-signal.SIGKILL)


def test_a_killed_child_takes_what_it_started_along(launcher, tmp_path):
    child, mailbox = start(launcher, tmp_path, "start_a_helper")
    helper = int(next(word.message for word in iter(lambda: mailbox.get(timeout=20), None) if isinstance(word, Log)))
    assert is_alive(helper)
    child.kill()
    wait_until(lambda: not is_alive(helper) and not is_alive(child.pid))


def test_killing_a_child_that_is_gone_harms_nobody(launcher, tmp_path):
    child, mailbox = start(launcher, tmp_path, "succeed")
    hear(mailbox)
    child.kill()
    child.stop("cancel")
    assert not is_alive(child.pid)


SUPERVISOR = """
import queue, sys
from pathlib import Path
from worker.launch import Launcher
from worker.messages import Started
launcher = Launcher(preload=["tests.worker.toy"], threads=1)
launcher.warm(Path(sys.argv[1]))
mailbox = queue.SimpleQueue()
order = {"entry": "tests.worker.toy:run", "spec": {"mode": "ignore_stop"}, "folder": sys.argv[1]}
child = launcher.start(order, mailbox)
while not isinstance(mailbox.get(), Started):
    pass
print(child.pid, flush=True)
mailbox.get()
mailbox.get()
"""


def descendants(pid: int) -> list[int]:
    """Every process below ``pid``, wherever its session."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        found += children.get(todo[0], [])
        todo += children.get(todo.pop(0), [])
    return found


def test_a_child_dies_with_its_supervisor(tmp_path):
    """D4: SIGKILL gives nobody time to tidy, and nothing is left nevertheless."""
    command = [sys.executable, "-c", SUPERVISOR, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        family = descendants(supervisor.pid)
        assert child in family
        os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not is_alive(child), seconds=2)
    wait_until(lambda: not [pid for pid in family if is_alive(pid)], seconds=5)
