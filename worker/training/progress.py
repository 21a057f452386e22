"""What an attempt tells its supervisor: the channel, and progress with a phase and an ETA."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

StopReason = Literal["cancel", "keep_best", "preempt"]

#: Share of a whole training that each phase is expected to take, in the order in which they run.
PHASES: Mapping[str, float] = {
    "preparing": 0.05,
    "training": 0.5,
    "evaluating": 0.05,
    "baselines": 0.35,
    "saving": 0.05,
}

_SECONDS_BETWEEN_REPORTS = 0.25
_POINTS_A_MESSAGE = 2000


def stopped(stop: StopReason | None) -> dict[str, Any]:
    """How an attempt ends that was stopped with nothing to show."""
    return {"outcome": "preempted" if stop == "preempt" else "cancelled"}


class Channel(Protocol):
    """The pipe to the supervisor, seen from the training core."""

    @property
    def stop(self) -> StopReason | None:
        """Why the supervisor asked this attempt to end, or None."""

    def started(self, environment: Mapping[str, Any]) -> None: ...
    def resumed(self, step: int) -> None: ...
    def progress(self, progress: Mapping[str, Any]) -> None: ...
    def metrics(self, points: Sequence[Mapping[str, Any]]) -> None: ...
    def checkpoint(self, step: int, path: str, sha256: str) -> None: ...
    def log(self, level: str, message: str) -> None: ...


class Progress:
    """Turns phases and fractions into the job's ``progress`` object, a few times a second at most."""

    def __init__(
        self, channel: Channel, *, phases: Mapping[str, float] = PHASES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._channel = channel
        self._phases = phases
        self._clock = clock
        self._started = clock()
        self._sent = float("-inf")
        self._phase = next(iter(phases))
        self._details: dict[str, Any] = {}
        self._points: list[Mapping[str, Any]] = []

    def enter(self, phase: str) -> None:
        """Begin ``phase``, one of the attempt's phases; always reported."""
        self._phase = phase
        self._sent = float("-inf")
        self.advance(0.0)

    def advance(self, fraction: float, **details: Any) -> None:
        """Report that ``fraction`` (0 to 1) of the phase is done; ``details`` stay until replaced."""
        self._details.update(details)
        now = self._clock()
        if now - self._sent < _SECONDS_BETWEEN_REPORTS:
            return
        self._sent = now
        self.flush()
        overall = overall_fraction(self._phase, fraction, self._phases)
        elapsed = now - self._started
        eta = elapsed * (1.0 - overall) / overall if overall > 0.0 and elapsed > 1.0 else None
        self._channel.progress(
            {
                "fraction": round(overall, 4),
                "phase": self._phase,
                "eta_seconds": None if eta is None else round(eta, 1),
                **self._details,
            }
        )

    def finish(self) -> None:
        """Report that the attempt's work is done, with whatever points are left."""
        self._sent = float("-inf")
        self.advance(1.0)

    def record(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Keep metric points until the next report, so that fast epochs do not flood the supervisor."""
        self._points += points

    def flush(self) -> None:
        """Send the metric points kept so far: before every checkpoint, since a resumed run does not repeat them."""
        for start in range(0, len(self._points), _POINTS_A_MESSAGE):
            self._channel.metrics(self._points[start : start + _POINTS_A_MESSAGE])
        self._points = []


def overall_fraction(phase: str, fraction: float, phases: Mapping[str, float] = PHASES) -> float:
    """Return the fraction of the attempt that is done when ``fraction`` of ``phase`` is."""
    before = 0.0
    for name, share in phases.items():
        if name == phase:
            return before + share * min(max(fraction, 0.0), 1.0)
        before += share
    raise ValueError(f"expected a phase among {', '.join(phases)}, found {phase!r}")
