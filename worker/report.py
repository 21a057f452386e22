"""What a child told and the database does not know yet: gathered, and written a few times a second."""

from typing import Any

from store import claims
from store.session import Database
from worker.messages import Checkpoint, Log, Metrics, Progress, Resumed, Started

Told = Started | Progress | Metrics | Checkpoint | Resumed | Log

#: The oldest log lines of one write go first when a child says more than this.
_MAX_LOGS = 200


class Report:
    """Gathers an attempt's words between two writes; only the latest progress and checkpoint matter."""

    def __init__(self, database: Database, fence: claims.Fence) -> None:
        self._database = database
        self._fence = fence
        self._words: dict[str, Any] = {}
        self._points: list[dict[str, Any]] = []
        self._logs: list[dict[str, str]] = []

    @property
    def empty(self) -> bool:
        return not (self._words or self._points or self._logs)

    def take(self, message: Told) -> None:
        """Remember one message."""
        match message:
            case Started():
                self._words["environment"] = message.environment
            case Progress():
                self._words["progress"] = message.progress.model_dump()
            case Metrics():
                self._points += [point.model_dump() for point in message.points]
            case Checkpoint():
                self._words["checkpoint"] = claims.Checkpoint(message.step, message.file, message.sha256)
            case Resumed():
                self._words["resumed_step"] = message.step
            case Log():
                self._logs.append({"level": message.level, "message": message.message})
                del self._logs[:-_MAX_LOGS]

    def write(self) -> None:
        """Write everything in one transaction; nothing is forgotten when that fails.

        Raises:
            LeaseLost: the attempt does not hold the job any more.
            DatabaseBusy: the database does not answer; worth another try.
        """
        if self.empty:
            return
        with self._database.transaction() as session:
            now = self._database.now(session)
            claims.report(session, self._fence, now=now, points=self._points, logs=self._logs, **self._words)
        self._words, self._points, self._logs = {}, [], []
