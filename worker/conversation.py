"""What passes between a supervisor and its child: words to the database, orders to the child, and time for both."""

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from store.errors import DatabaseBusy, LeaseLost
from worker.endings import Course, KilledFor, order
from worker.host import out_of_memory_kills
from worker.launch import Child, Exited, Garbled, Mailbox
from worker.messages import Ended, StopReason
from worker.report import Report, Told
from worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

#: From the child's last word to its exit.
_EXIT_SECONDS = 10.0
_SECONDS_BETWEEN_WRITES = 0.5
_LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Order:
    """Somebody wants the attempt to end: the user by a cancel, or the slot because this worker stops."""

    reason: StopReason


@dataclass(frozen=True)
class LeaseGone:
    """The attempt may write no more."""


class Conversation:
    """Hears the child until it is gone. One thread; everything arrives in one mailbox."""

    def __init__(
        self,
        report: Report,
        child: Child,
        mailbox: Mailbox,
        settings: WorkerSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report = report
        self._child = child
        self._mailbox = mailbox
        self._settings = settings
        self._clock = clock
        self._course = Course()
        self._deadline = clock() + settings.max_job_seconds
        self._on_deadline: KilledFor = "timeout"
        self._next_write = clock()

    def hold(self) -> Course:
        """Return what was seen of the attempt, once its child is gone. Some of its last words may still be unwritten."""
        kills_before = out_of_memory_kills()
        while not isinstance(heard := self._next(), Exited):
            self._take(heard)
            if self._clock() >= self._deadline:
                self._kill(self._on_deadline)
            if self._clock() >= self._next_write:
                self._write()
        return replace(self._course, exit_code=heard.code, out_of_memory=out_of_memory_kills() > kills_before)

    def _next(self) -> object:
        """The next letter, or None when something else is due first."""
        due = self._deadline if self._report.empty else min(self._deadline, self._next_write)
        try:
            return self._mailbox.get(timeout=min(max(0.0, due - self._clock()), _LONGEST_WAIT_SECONDS))
        except queue.Empty:
            return None

    def _take(self, heard: object) -> None:
        if isinstance(heard, Told | Ended):
            self._child.handled()
        match heard:
            case Ended():
                self._course = replace(self._course, ended=heard)
                self._limit(_EXIT_SECONDS, "grace")
            case Garbled():
                log.error("garbled child", pid=self._child.pid, detail=heard.detail)
                self._kill("garbled")
            case LeaseGone():
                self._kill("lease")
            case Order():
                self._obey(heard.reason)
            case _ if isinstance(heard, Told):
                self._report.take(heard)

    def _obey(self, reason: StopReason) -> None:
        """Pass an order on, unless it or a stronger one was given, or the child has ended anyway."""
        course = order(self._course, reason)
        if course is None or course.ended is not None or course.killed_for is not None:
            return
        self._course = course
        self._child.stop(reason)
        seconds = {
            "preempt": self._settings.grace_seconds,
            "cancel": self._settings.cancel_grace_seconds,
            "keep_best": self._settings.keep_best_grace_seconds,
        }
        self._limit(seconds[reason], "grace")

    def _limit(self, seconds: float, reason: KilledFor) -> None:
        self._deadline, self._on_deadline = self._clock() + seconds, reason

    def _kill(self, reason: KilledFor) -> None:
        self._child.kill()
        if self._course.killed_for is None:
            self._course = replace(self._course, killed_for=reason)
        self._limit(float("inf"), reason)

    def _write(self) -> None:
        if self._course.killed_for == "lease":
            return
        self._next_write = self._clock() + _SECONDS_BETWEEN_WRITES
        try:
            self._report.write()
        except DatabaseBusy:
            log.warning("database busy", pid=self._child.pid)
        except LeaseLost:
            self._kill("lease")
