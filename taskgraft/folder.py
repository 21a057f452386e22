"""The data folder: what `taskgraft up` keeps there for its clients, and the lock that makes it one service's own."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from taskgraft.errors import TaskgraftError


class FolderInUse(TaskgraftError):
    """Another service runs on this folder."""


class DataFolder:
    """One service's folder, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key_file = path / "admin.key"
        self.service_file = path / "service.json"
        self._lock: int | None = None

    def lock(self) -> None:
        """Make the folder and take it. The kernel gives the lock back when this process ends, however it ends.

        Raises:
            FolderInUse: another process holds it.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FolderInUse(f"expected a data folder of no running service, found {self.path} in use") from None
        self._lock = lock

    def unlock(self) -> None:
        """Give the folder back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_key(self) -> str | None:
        """The admin key's secret, if there is one yet."""
        return self.key_file.read_text().strip() if self.key_file.exists() else None

    def write_key(self, secret: str) -> None:
        """Keep the admin key's secret where only the owner reads it."""
        self._replace(self.key_file, f"{secret}\n")

    def announce(self, service: Mapping[str, Any]) -> None:
        """Tell clients where the service is."""
        self._replace(self.service_file, f"{json.dumps(service)}\n")

    def withdraw(self) -> None:
        """Tell clients that there is no service; somebody else's is none of our business."""
        if self._lock is not None:
            self.service_file.unlink(missing_ok=True)

    def _replace(self, file: Path, text: str) -> None:
        # a reader finds the old file or the new one, never a part; 0600 from the first byte
        temporary = file.with_name(f".{file.name}.new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        temporary.replace(file)
