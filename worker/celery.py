"""``celery -A worker.celery worker --pool threads -c 2``: the Celery side of a worker, which only hears the doorbell.

The slots are started and stopped as one of the worker's own steps, before the broker is looked for: without it,
or while it is away, they poll. Nothing here, nor anything it imports, may import torch (DESIGN D3).
"""

from typing import Any

from celery import Celery, bootsteps, signals

from store.queue import celery_config
from worker import log
from worker.settings import WorkerSettings
from worker.slots import Slots


class SlotsStep(bootsteps.StartStopStep):  # type: ignore[misc]  # Celery publishes no types
    """Opens the slots before the consumer, closes them after it."""

    requires = ("celery.worker.components:Pool",)

    def start(self, worker: Any) -> None:
        log.configure()
        self.slots = Slots(WorkerSettings())  # type: ignore[call-arg]  # from the environment
        self.slots.start()
        worker.app.slots = self.slots
        # sent inside the signal handler: attempts begin their last checkpoint while Celery still closes its consumer
        signals.worker_shutting_down.connect(self._drain, weak=False)

    def _drain(self, **_: Any) -> None:
        self.slots.drain()

    def stop(self, worker: Any) -> None:  # noqa: ARG002 (Celery's signature)
        self.slots.stop()

    terminate = stop


def _configuration() -> dict[str, Any]:
    """Read when the worker starts, never at import. Without Redis there is nothing to hear: see ``worker.poll``."""
    settings = WorkerSettings()  # type: ignore[call-arg]  # from the environment
    if settings.redis_url is None:
        raise ValueError("expected TASKGRAFT_REDIS_URL for a Celery worker, found none: run python -m worker.poll")
    return {**celery_config(settings.redis_url), "imports": ["worker.handlers"], "worker_redirect_stdouts": False}


app = Celery("worker", set_as_current=False)
app.add_defaults(_configuration)
app.steps["worker"].add(SlotsStep)
