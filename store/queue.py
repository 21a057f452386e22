"""The doorbell: a message that says "look into this queue", never what to do. Losing one costs a poll, nothing else."""

import threading
from typing import Any

from celery import Celery
from kombu import Queue
from kombu.exceptions import KombuError, OperationalError

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
        "task_queues": [Queue(name) for name in QUEUES],
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
