"""The doorbell: a message that says "look into this queue", never what to do. Losing one costs a poll, nothing else."""

import threading
from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

QUEUES = ("train", "quick")
RING = "taskgraft.ring"
BUDGET_SECONDS = 1.0
_VISIBILITY_SECONDS = 3600


def celery_config(redis_url: str) -> dict[str, Any]:
    """Celery's settings for both ends of the doorbell; every message may be lost, repeated or late."""
    return {
        "broker_url": redis_url,
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "result_backend": None,  # state is in the database
        "task_ignore_result": True,
        "task_track_started": False,
        "task_store_errors_even_if_ignored": False,
        "task_acks_late": False,  # a late ack is delivered again after the visibility timeout, in the middle of a long job
        "task_reject_on_worker_lost": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_pool": "threads",
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "task_create_missing_queues": False,
        # without a routing key of its own each queue would be bound to the default one, and hear every ring
        "task_queues": [Queue(name, routing_key=name) for name in QUEUES],  # type: ignore[no-untyped-call]  # kombu has no types here
        "task_default_routing_key": QUEUES[0],
        "task_default_queue": QUEUES[0],
        "task_publish_retry": False,  # the poller is the retry
        "broker_connection_timeout": 2.0,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "broker_pool_limit": 10,
        "broker_pool_acquire_timeout": BUDGET_SECONDS,  # the default waits for ever
        "visibility_timeout": _VISIBILITY_SECONDS,
        "broker_transport_options": {
            "visibility_timeout": _VISIBILITY_SECONDS,
            "socket_timeout": 10,
            "socket_connect_timeout": BUDGET_SECONDS,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "retry_on_timeout": False,
            "max_retries": 0,
            "global_keyprefix": "taskgraft:",
        },
        "result_backend_transport_options": {"visibility_timeout": _VISIBILITY_SECONDS},
    }


class Doorbell:
    """Rings from a thread of its own: no request ever waits for the broker, or fails because of it."""

    def __init__(self, redis_url: str | None) -> None:
        self._redis_url = redis_url
        self._changed = threading.Condition()
        self._pending: set[str] = set()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._busy = False
        self.rings = 0
        """Messages that the broker took."""
        self.failures = 0
        """Messages that it did not; the workers' poll finds those jobs."""

    def ring(self, queue: str) -> None:
        """Ask for a look into ``queue``. Returns at once; rings that wait together for one queue are one."""
        with self._changed:
            if self._redis_url is None or self._closed:
                return
            self._pending.add(queue)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def settle(self, timeout_seconds: float) -> bool:
        """Wait until every ring so far was tried; False when that took longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pending and not self._busy, timeout_seconds)

    def close(self) -> None:
        """Drop what has not been rung and end the thread."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(3 * BUDGET_SECONDS)

    def _run(self) -> None:
        app = _publisher(str(self._redis_url))
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._pending or self._closed)
                if self._closed:
                    break
                queue = self._pending.pop()
                self._busy = True
            rung = _send(app, queue)
            with self._changed:
                self.rings += rung
                self.failures += not rung
                self._busy = False
                self._changed.notify_all()
        app.close()


def _publisher(redis_url: str) -> Celery:
    app = Celery(RING, set_as_current=False)
    config = celery_config(redis_url)
    half = BUDGET_SECONDS / 2
    timeouts = {"socket_timeout": half, "socket_connect_timeout": half}
    app.conf.update(config | {"broker_transport_options": config["broker_transport_options"] | timeouts})
    return app


def _send(app: Celery, queue: str) -> bool:
    try:
        app.send_task(RING, kwargs={"queue": queue}, queue=queue, retry=False, ignore_result=True)
    except (KombuError, RedisError, OSError):
        return False
    return True
