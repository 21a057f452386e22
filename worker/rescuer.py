"""Finds jobs whose worker died: at once at the start, for predecessors on this host; then every few seconds, by lease.
It also sweeps, hourly, what nobody refers to any more.

Any number of rescuers may run, here and elsewhere: a rescue takes a lease only as it was seen (its ``lease_seq``).
"""

import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from store import claims
from store.artifacts import ArtifactStore
from store.claims import Fence, Lease
from store.errors import DatabaseBusy
from store.session import Database
from store.sweep import sweep
from worker.host import identity, is_alive
from worker.settings import WorkerSettings

_SECONDS_BETWEEN_SWEEPS = 3600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sighting:
    """An expired lease as it was first seen, by this process's own clock."""

    lease_seq: int
    at: float


def ripe(
    seen: Mapping[Fence, Sighting], found: Sequence[Lease], *, now: float, watch_seconds: float
) -> tuple[list[Lease], dict[Fence, Sighting]]:
    """Return the leases that stood still for ``watch_seconds``, and what to remember of the others.

    A wall clock may jump and make every lease look expired; a live owner still renews, which shows as a new number.
    """
    standing: dict[Fence, Sighting] = {}
    for lease in found:
        before = seen.get(lease.fence)
        same = before is not None and before.lease_seq == lease.lease_seq
        standing[lease.fence] = before if same and before is not None else Sighting(lease.lease_seq, now)
    due = [lease for lease in found if now - standing[lease.fence].at >= watch_seconds]
    return due, standing


class Rescuer:
    """A thread that looks for expired leases."""

    def __init__(
        self,
        database: Database,
        artifacts: ArtifactStore,
        settings: WorkerSettings,
        *,
        on_queued: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._settings = settings
        self._on_queued = on_queued
        self._clock = clock
        self._seen: dict[Fence, Sighting] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="rescuer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def rescue_dead(self) -> None:
        """Take back what dead processes of this host hold. Only before this process claims anything."""
        ours = identity()
        with self._database.reading() as session:
            held = claims.leases(session)
        for lease in held:
            death = claims.death(
                lease, host=ours.host, boot_id=ours.boot_id, alive=lambda pid: pid != os.getpid() and is_alive(pid)
            )
            if death is not None:
                self._rescue(lease, crash=death == "died")

    def look(self) -> None:
        """Rescue the expired leases that are ripe."""
        with self._database.reading() as session:
            found = claims.expired(session, self._database.now(session))
        # PostgreSQL's clock is one for all hosts; SQLite's is this host's, which may jump
        watch_seconds = self._settings.lease_seconds / 2 if self._database.embedded else 0.0
        due, self._seen = ripe(self._seen, found, now=self._clock(), watch_seconds=watch_seconds)
        for lease in due:
            self._rescue(lease, crash=True)

    def _rescue(self, lease: Lease, *, crash: bool) -> None:
        with self._database.transaction() as session:
            now = self._database.now(session)
            status = claims.rescue(session, lease, now=now, max_crashes=self._settings.max_crashes, crash=crash)
        if status is not None:
            log.warning("rescued", job=lease.fence.job_id, attempt=lease.fence.attempt, status=status)
        if status == "queued":
            self._on_queued(lease.queue)

    def _watch(self) -> None:
        swept_at = float("-inf")
        while not self._stopped.wait(self._settings.rescue_seconds * random.uniform(0.8, 1.2)):
            try:
                self.look()
                if self._clock() - swept_at > _SECONDS_BETWEEN_SWEEPS:
                    sweep(self._database, self._artifacts)
                    swept_at = self._clock()
            except DatabaseBusy:
                log.warning("database busy")
