"""A small pure model of a job's life: what the store must do, in a page of plain Python without a database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store.claims import Fence

LEASE_SECONDS = 30.0
GRACE_SECONDS = 5.0
MAX_CRASHES = 3
ENDED = ("succeeded", "failed", "cancelled")


class Refused(Exception):
    """The fence opens nothing."""


class Illegal(Exception):
    """The state machine has no such move."""


@dataclass
class JobModel:
    job_id: str
    priority: int
    status: str = "queued"
    crash_count: int = 0
    keep_best: bool = False
    has_model: bool = False
    run_after: datetime | None = None
    expires_at: datetime | None = None
    fences: list[Fence] = field(default_factory=list)
    outcomes: list[str | None] = field(default_factory=list)
    points: dict[int, tuple[int, float]] = field(default_factory=dict)
    """step -> (attempt, value)"""
    resumed: int | None = None
    checkpoints: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=lambda: ["queued"])

    def waits(self, now: datetime) -> bool:
        return self.status == "queued" and (self.run_after is None or self.run_after <= now)

    def overdue(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at < now - timedelta(seconds=GRACE_SECONDS)

    def show(self, fence: Fence) -> None:
        if self.status not in ("running", "cancelling") or fence != self.fences[-1]:
            raise Refused

    def claim(self, fence: Fence, now: datetime) -> None:
        self.fences.append(fence)
        self.outcomes.append(None)
        self.run_after = self.resumed = None
        self.expires_at = now + timedelta(seconds=LEASE_SECONDS)
        self._go("running")

    def renew(self, fence: Fence, now: datetime) -> None:
        self.show(fence)
        self.expires_at = now + timedelta(seconds=LEASE_SECONDS)

    def resume(self, fence: Fence, step: int) -> None:
        self.show(fence)
        self.resumed = step
        self._drop_superseded()

    def measure(self, fence: Fence, values: dict[int, float]) -> None:
        self.show(fence)
        self._drop_superseded()
        self.points |= {step: (len(self.fences), value) for step, value in values.items()}

    def checkpoint(self, fence: Fence, step: int) -> None:
        self.show(fence)
        self.checkpoints = [*(old for old in self.checkpoints if old < step), step][-2:]

    def finish(self, fence: Fence, ending: str) -> None:
        self.show(fence)
        if self.status == "cancelling":
            self.has_model = self.keep_best and ending != "failed"
            self._end("cancelled", "cancelled")
        elif ending == "cancelled":
            raise Illegal
        else:
            self.has_model = ending == "succeeded"
            self._end(ending, ending)

    def lose(self, now: datetime, *, outcome: str, crash: bool) -> None:
        self.crash_count += crash
        if self.status == "cancelling":
            self._end("cancelled", outcome)
        elif crash and self.crash_count >= MAX_CRASHES:
            self._end("failed", outcome)
        else:
            wait = 10.0 * 2 ** (self.crash_count - 2) if crash and self.crash_count > 1 else 0.0
            self.run_after = now + timedelta(seconds=wait)
            self._end("queued", outcome)

    def cancel(self, *, keep_best: bool) -> None:
        if self.status in ENDED:
            raise Illegal
        self.keep_best = self.keep_best or keep_best
        if self.status == "queued":
            self._go("cancelled")
        elif self.status == "running":
            self._go("cancelling")

    def _go(self, status: str) -> None:
        self.status = status
        self.statuses.append(status)

    def _end(self, status: str, outcome: str) -> None:
        self.outcomes[-1] = outcome
        self.expires_at = None
        self._go(status)

    def _drop_superseded(self) -> None:
        attempt = len(self.fences)
        limit = -1 if self.resumed is None else self.resumed
        self.points = {step: kept for step, kept in self.points.items() if kept[0] == attempt or step <= limit}
