"""Keeps one claim alive, and ends the attempt when that fails (DESIGN D2).

One thread talks to the database: it renews, and a cancel rides on what it reads. The other only watches the clock,
because the first may hang: after `self_fence_seconds` without a renewal the child is killed, before any other worker
may claim the job.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from store import jobs
from store.claims import Claim, renew
from store.errors import DatabaseBusy, LeaseLost
from store.lifecycle import LEASED
from store.session import Database
from worker.host import boot_seconds
from worker.settings import WorkerSettings

_LAST_CALL_SECONDS = 5.0


class Lease:
    """A context in which a claim is renewed. Its two callbacks come from threads of its own."""

    def __init__(
        self,
        database: Database,
        claim: Claim,
        settings: WorkerSettings,
        *,
        on_cancel: Callable[[bool], None],
        on_lost: Callable[[], None],
        clock: Callable[[], float] = boot_seconds,
        claimed_at: float | None = None,
    ) -> None:
        """``claimed_at``: the clock before the claim was made, by default now.

        ``on_cancel`` is told ``keep_best``, again and again; ``on_lost`` is called once, before the child is killed.
        """
        self._database = database
        self._claim = claim
        self._settings = settings
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._clock = clock
        self._renewed_at = clock() if claimed_at is None else claimed_at
        self._closed = threading.Event()
        self._losing = threading.Lock()
        self._lost = threading.Event()
        self._kill: Callable[[], None] = lambda: None
        self._threads = [threading.Thread(target=act, daemon=True) for act in (self._keep, self._guard)]

    @property
    def lost(self) -> bool:
        """Whether the attempt must not write any more."""
        return self._lost.is_set()

    def bind(self, kill: Callable[[], None]) -> None:
        """Have ``kill`` called when the lease is lost, at once if that has happened."""
        with self._losing:
            self._kill = kill
            if self._lost.is_set():
                kill()

    def pause(self, seconds: float) -> None:
        """Wait, but not beyond the loss of the lease."""
        self._lost.wait(seconds)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join(_LAST_CALL_SECONDS)  # the one that hangs in the database has nothing left to do harm with

    def _keep(self) -> None:
        while not self._closed.wait(self._settings.cancel_poll_seconds):
            try:
                keep_best = self._look()
            except DatabaseBusy:
                continue  # no renewal: the guard counts
            except LeaseLost:
                self._lose()
                return
            if keep_best is not None:
                self._on_cancel(keep_best)

    def _look(self) -> bool | None:
        """Renew when it is time, else read; return ``keep_best`` when a cancel was asked for."""
        fence = self._claim.fence
        started = self._clock()
        if started - self._renewed_at >= self._settings.renew_seconds:
            with self._database.transaction() as session:
                now = self._database.now(session)
                renewal = renew(session, fence, now=now, lease_seconds=self._settings.lease_seconds)
            self._renewed_at = started  # when it was asked for: the answer may have taken its time
            return renewal.keep_best if renewal.cancel_requested else None
        with self._database.reading() as session:
            job = jobs.get(session, self._claim.project_id, fence.job_id)
        if job.attempt != fence.attempt or job.status not in LEASED:
            raise LeaseLost(fence.job_id, fence.attempt)
        return job.keep_best if job.status == "cancelling" else None

    def _guard(self) -> None:
        while not self._closed.wait(min(1.0, self._settings.self_fence_seconds / 10)):
            if self._clock() - self._renewed_at > self._settings.self_fence_seconds:
                self._lose()
                return

    def _lose(self) -> None:
        with self._losing:
            if not self._lost.is_set():
                self._lost.set()
                self._on_lost()
                self._kill()
