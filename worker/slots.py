"""The slots of one worker: one thread a queue, woken by a ring or the poll interval, running attempts until none waits."""

import queue
import threading
import uuid

import structlog

from store.artifacts import ArtifactStore
from store.claims import Claim, claim, waiting
from store.errors import DatabaseBusy
from store.session import Database
from worker.conversation import Order
from worker.host import boot_seconds, identity
from worker.launch import Launcher, Mailbox
from worker.rescuer import Rescuer
from worker.runner import Bench, run_attempt
from worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

#: Beyond the grace of the last checkpoint: killing, publishing and the last transaction.
_SETTLING_SECONDS = 15.0


class Slot:
    """Runs one attempt at a time of one queue."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._name = name
        # C code that a signal handler may enter at any point; an Event's lock it may not
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._mailbox: Mailbox | None = None
        self._draining = False
        self._identity = identity()
        self.thread = threading.Thread(target=self._work, name=f"slot-{name}", daemon=True)

    def ring(self) -> None:
        """Look into the queue now."""
        self._bell.put(None)

    def drain(self) -> None:
        """Claim no more and preempt what runs. Safe in a signal handler: it takes no lock."""
        self._draining = True
        self._bell.put(None)
        mailbox = self._mailbox
        if mailbox is not None:
            mailbox.put(Order("preempt"))

    def _work(self) -> None:
        while not self._draining:
            try:
                while not self._draining and self._run_next():
                    pass
            except DatabaseBusy:
                log.warning("database busy", queue=self._name)
            except Exception:  # a bug must not close the slot; the job comes back when its lease ends
                log.exception("attempt failed in the supervisor", queue=self._name)
            self._wait()

    def _wait(self) -> None:
        try:
            self._bell.get(timeout=self._bench.settings.poll_seconds)
            while True:
                self._bell.get_nowait()  # rings say the same, however many they are
        except queue.Empty:
            return

    def _run_next(self) -> bool:
        """Run the best job that waits; False when there is none."""
        claimed_at = boot_seconds()
        found = self._claim()
        if found is None:
            return False
        log.info("attempt starts", job=found.fence.job_id, attempt=found.fence.attempt, queue=self._name)
        self._mailbox = queue.SimpleQueue()
        if self._draining:  # the signal came between the claim and the line above
            self._mailbox.put(Order("preempt"))
        try:
            run_attempt(self._bench, found, self._mailbox, claimed_at=claimed_at)
        finally:
            self._mailbox = None
        return True

    def _claim(self) -> Claim | None:
        database, settings = self._bench.database, self._bench.settings
        with database.reading() as session:
            if not waiting(session, queue=self._name, now=database.now(session)):
                return None
        with database.transaction() as session:
            return claim(
                session,
                queue=self._name,
                owner=str(uuid.uuid4()),
                now=database.now(session),
                lease_seconds=settings.lease_seconds,
                host=self._identity.host,
                boot_id=self._identity.boot_id,
                pid=self._identity.pid,
            )


class Slots:
    """Everything that a worker process does, with Celery or without."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._database = Database(settings.database_url)
        launcher = Launcher(preload=settings.preload, threads=settings.threads)
        self._bench = Bench(self._database, ArtifactStore(settings.artifacts), launcher, settings)
        self._slots = {name: Slot(self._bench, name) for name in settings.queues}
        self._rescuer = Rescuer(self._bench.database, self._bench.artifacts, settings, on_queued=self.ring)

    def start(self) -> None:
        """Take back the jobs of dead predecessors, warm the forkserver, open the slots.

        Call it before the process has other threads. Raises PreloadFailed, DatabaseBusy.
        """
        self._rescuer.rescue_dead()
        self._bench.launcher.warm(self._bench.artifacts.root)
        for slot in self._slots.values():
            slot.thread.start()
        self._rescuer.start()

    def ring(self, name: str) -> None:
        """Wake the slot of a queue; a queue that this worker does not serve has nobody to wake."""
        if name in self._slots:
            self._slots[name].ring()

    def drain(self) -> None:
        """Begin to stop. Safe in a signal handler."""
        for slot in self._slots.values():
            slot.drain()

    def stop(self) -> None:
        """Stop, after the last checkpoint of what runs."""
        self.drain()
        self._rescuer.stop()
        for slot in self._slots.values():
            if slot.thread.is_alive():  # none is after a start that failed
                slot.thread.join(self._settings.grace_seconds + _SETTLING_SECONDS)
        self._database.dispose()
