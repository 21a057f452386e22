"""Jobs as their owner sees them: submitted, listed, followed, cancelled. What their workers do is ``store.claims``."""

from store.jobs.cancel import request_cancel
from store.jobs.events import Event, events, last_events
from store.jobs.record import Job, add, get, page, queue_position
from store.jobs.retry import retry
from store.jobs.series import Point, TaskResult, metric_points, task_results, task_results_named

__all__ = [
    "Event",
    "Job",
    "Point",
    "TaskResult",
    "add",
    "events",
    "get",
    "last_events",
    "metric_points",
    "page",
    "queue_position",
    "request_cancel",
    "retry",
    "task_results",
    "task_results_named",
]
