"""The processes that `taskgraft up` is made of: each started on a leash, stopped with patience, restarted when it dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LEASH = Path(__file__).with_name("leash.py")
#: A part that lived so long died of something new: it is restarted at once.
_SETTLED_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 10.0
_END_SECONDS = 0.05
_SWEEP_SECONDS = 1.0


@dataclass(frozen=True)
class Plan:
    """How a part is started."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    patience_seconds: float
    """From the request to stop to the kill."""
    stdin: bytes = b""
    """What it reads at its start: the place for a secret, which a command line shows to everybody."""


class Part:
    """One process that should always be there. All methods belong to one thread, see `taskgraft.leash`."""

    def __init__(self, plan: Plan, *, folder: Path) -> None:
        self.plan = plan
        self._folder = folder
        self._log = folder / "logs" / f"{plan.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._failures = 0
        self._restart_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the process; its output is appended to the part's log."""
        self._log.parent.mkdir(exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), *self.plan.command],
                env=dict(self.plan.environment),
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C is for `up` alone, which stops its parts in order
            )
        assert self._process.stdin is not None, "asked for above"
        with self._process.stdin as pipe:
            pipe.write(self.plan.stdin)
        self._started_at = time.monotonic()

    def revive(self) -> bool:
        """Start the process again if it died and its pause is over; tell whether that was done."""
        now = time.monotonic()
        if self._process is None or self._process.poll() is None:
            return False
        if self._restart_at < self._started_at:  # this death was not seen before
            self._failures = 0 if now - self._started_at > _SETTLED_SECONDS else self._failures + 1
            self._restart_at = now + pause_seconds(self._failures)
        if now < self._restart_at:
            return False
        self._sweep()
        self.start()
        return True

    def ask(self) -> None:
        """Ask the process to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self, *, hurry: threading.Event) -> int | None:
        """Wait for the process to end; kill it when its patience is over or somebody is in a hurry.

        Return its exit status, None if there is no process to end.
        """
        if self._process is None:
            return None
        deadline = time.monotonic() + self.plan.patience_seconds
        while self._process.poll() is None and time.monotonic() < deadline and not hurry.wait(_END_SECONDS):
            pass
        self._process.kill()
        status = self._process.wait()
        self._sweep()
        self._process = None
        return status

    def _sweep(self) -> None:
        """End what the dead process left in its session: helpers that end by themselves, only a moment later."""
        assert self._process is not None, "only a started process dies"
        deadline = time.monotonic() + _SWEEP_SECONDS
        while _kill_group(self._process.pid) and time.monotonic() < deadline:
            time.sleep(_END_SECONDS)

    def last_words(self, *, lines: int = 15) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:]) if self._log.exists() else ""


def _kill_group(pid: int) -> bool:
    """Kill every process of the group; tell whether there was any (an unwaited zombie is one)."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def pause_seconds(failures: int) -> float:
    """Return the seconds before the next start: none at first, then 0.2 s · 2ⁿ, at most 10 s."""
    return 0.0 if failures < 2 else min(0.2 * 2.0 ** min(failures - 2, 10), _LONGEST_PAUSE_SECONDS)
