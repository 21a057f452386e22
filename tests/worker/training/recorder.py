"""A channel that remembers what it was told, for running the training core without a worker around it."""

from typing import Any

from worker.training.progress import StopReason


class Recorder:
    """Records reports; ``stop_at`` epochs of progress it asks for ``reason``."""

    def __init__(self, *, reason: StopReason | None = None, stop_at: int = 0):
        self.reports: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        self.point_messages: list[int] = []
        self.checkpoints: list[tuple[int, str, str]] = []
        self.logs: list[tuple[str, str]] = []
        self.environments: list[dict[str, Any]] = []
        self.resumptions: list[int] = []
        self._reason, self._stop_at = reason, stop_at
        self.polls = 0

    @property
    def stop(self) -> StopReason | None:
        self.polls += 1
        return self._reason if self._reason and self.polls > self._stop_at else None

    def started(self, environment):
        self.environments.append(dict(environment))

    def resumed(self, step):
        self.resumptions.append(step)

    def progress(self, progress):
        self.reports.append(dict(progress))

    def metrics(self, points):
        self.point_messages.append(len(points))
        self.points += [dict(point) for point in points]

    def checkpoint(self, step, path, sha256):
        self.checkpoints.append((step, path, sha256))

    def log(self, level, message):
        self.logs.append((level, message))
