"""The life of a job, as pure functions: which moves exist, how an attempt ends, what a lost one leads to.

``queued -> running -> succeeded | failed | cancelled``; ``running -> cancelling -> cancelled``;
``running -> queued`` when the attempt was lost or preempted. Terminal is immutable.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from store.errors import IllegalMove

Status = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]
Ending = Literal["succeeded", "failed", "cancelled"]
Interruption = Literal["lost", "preempted"]
Fruit = Literal["model", "dataset", "result"]
Queue = Literal["train", "quick"]

MOVES: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"running", "cancelled"}),
    "running": frozenset({"succeeded", "failed", "cancelling", "queued"}),
    "cancelling": frozenset({"cancelled"}),
    "succeeded": frozenset(),
    "failed": frozenset(),
    "cancelled": frozenset(),
}
STATUSES = tuple(MOVES)
LEASED = ("running", "cancelling")
TERMINAL = tuple(status for status, moves in MOVES.items() if not moves)
UNFINISHED = tuple(status for status, moves in MOVES.items() if moves)

MAX_CRASHES = 3
_FIRST_BACKOFF_SECONDS = 10.0
_LONGEST_BACKOFF_SECONDS = 360.0


@dataclass(frozen=True)
class End:
    """How a finished attempt leaves its job."""

    status: Ending
    keeps_fruit: bool
    """Whether its model, dataset, result and task results are stored."""


@dataclass(frozen=True)
class Return:
    """How an attempt that did not finish leaves its job."""

    status: Literal["queued", "failed", "cancelled"]
    crash_count: int
    backoff_seconds: float


def move(status: str, target: str) -> str:
    """``target``, if a job may go there from ``status``. Raises IllegalMove."""
    if target not in MOVES[status]:
        raise IllegalMove(status, target)
    return target


def fruit(kind: str) -> Fruit:
    """What a succeeded job of this kind must have."""
    if kind in ("predict", "evaluate"):
        return "dataset"
    return "result" if kind == "replay" else "model"


def queue_of(kind: str) -> Queue:
    """Which slot runs a job of this kind: hours of training never block a batch prediction (DESIGN D13)."""
    return "quick" if kind in ("adapt", "predict", "evaluate") else "train"


def settle(status: str, ending: Ending, *, keep_best: bool) -> End:
    """The end of an attempt that reports ``ending`` while its job is ``status``.

    A cancel that came first wins over success and failure; its fruit is kept only on request.
    Raises IllegalMove, for example when an attempt says ``cancelled`` and nobody asked for that.
    """
    if status == "cancelling":
        return End("cancelled", keeps_fruit=keep_best and ending != "failed")
    move(status, ending)
    return End(ending, keeps_fruit=ending == "succeeded")


def interrupt(status: str, *, crash: bool, crash_count: int, max_crashes: int = MAX_CRASHES) -> Return:
    """What becomes of a job whose attempt went away: cancelled when that was wanted, else back to the queue.

    Only crashes count: a preemption, a deploy or a reboot of the host is no fault of the job.
    """
    crash_count += crash
    if status == "cancelling":
        return Return("cancelled", crash_count, 0.0)
    if crash and crash_count >= max_crashes:
        move(status, "failed")
        return Return("failed", crash_count, 0.0)
    move(status, "queued")
    return Return("queued", crash_count, backoff_seconds(crash_count) if crash else 0.0)


def backoff_seconds(crash_count: int) -> float:
    """None after the first crash, then 10 s · 2ⁿ, at most 360 s."""
    if crash_count < 2:
        return 0.0
    return min(_FIRST_BACKOFF_SECONDS * 2.0 ** min(crash_count - 2, 16), _LONGEST_BACKOFF_SECONDS)
