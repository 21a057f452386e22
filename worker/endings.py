"""How an attempt ended: a pure decision from what its supervisor saw. The runner carries it out."""

import signal
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from worker.messages import Ended, Files, StopReason, problem

KilledFor = Literal["garbled", "grace", "lease", "timeout"]


@dataclass(frozen=True)
class Course:
    """What the supervisor saw of one attempt, from the child's start to its exit."""

    stop: StopReason | None = None
    """The strongest order to stop that was sent."""
    killed_for: KilledFor | None = None
    """Why the supervisor killed the child; None when it did not."""
    ended: Ended | None = None
    """The child's last word."""
    exit_code: int = 0
    """The child's exit status, or minus the signal that ended it."""
    out_of_memory: bool = False
    """The kernel killed for memory while the attempt ran."""


@dataclass(frozen=True)
class Fenced:
    """The lease is gone: another attempt may run, so nothing may be written."""


@dataclass(frozen=True)
class Preempted:
    """The worker stops; the job goes back to the queue without a charge."""


@dataclass(frozen=True)
class Crashed:
    """The process died without a word. ``code`` is the job's error should this be its last attempt."""

    code: Literal["worker-crashed", "worker-oom"]
    exit_signal: int | None


@dataclass(frozen=True)
class Finished:
    """The attempt has an answer, which ends the job."""

    status: Literal["succeeded", "failed", "cancelled"]
    files: Files = field(default_factory=Files)
    error: dict[str, Any] | None = None


Ending = Fenced | Preempted | Crashed | Finished

_STRENGTH: dict[StopReason | None, int] = {None: 0, "preempt": 1, "keep_best": 2, "cancel": 3}


def order(course: Course, reason: StopReason) -> Course | None:
    """Return the course with ``reason`` as its order to stop, or None when that one or a stronger one was sent."""
    return replace(course, stop=reason) if _STRENGTH[reason] > _STRENGTH[course.stop] else None


def judge(course: Course, *, max_job_seconds: float) -> Ending:
    """Say how the attempt ended.

    What the supervisor did decides before what the child said; and a child that kept its word to stop is never a crash.
    """
    if course.killed_for == "lease":
        return Fenced()
    if course.killed_for == "timeout":
        limit = f"The attempt ran longer than the {max_job_seconds:g} seconds that this server allows."
        return Finished("failed", error=problem("timed-out", limit, category="capacity"))
    if course.killed_for != "garbled" and course.ended is not None and _was_asked(course.ended, course.stop):
        return _last_word(course.ended)
    if course.killed_for == "grace":
        return Preempted() if course.stop == "preempt" else Finished("cancelled")
    killed = course.exit_code == -signal.SIGKILL and course.killed_for is None
    return Crashed(
        "worker-oom" if killed and course.out_of_memory else "worker-crashed",
        exit_signal=-course.exit_code if course.exit_code < 0 else None,
    )


def _was_asked(ended: Ended, stop: StopReason | None) -> bool:
    """Tell whether the child may say so: only an order makes an attempt cancelled or preempted."""
    allowed = {"cancelled": ("cancel", "keep_best"), "preempted": ("cancel", "keep_best", "preempt")}
    return ended.outcome not in allowed or stop in allowed[ended.outcome]


def _last_word(ended: Ended) -> Ending:
    if ended.outcome == "preempted":
        return Preempted()
    if ended.outcome == "failed" and ended.error is None:
        return Finished(
            "failed", error=problem("internal-error", "The attempt failed without a reason.", category="server")
        )
    return Finished(ended.outcome, ended.files, None if ended.error is None else ended.error.model_dump())
