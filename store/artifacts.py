"""Bytes under their content hash, in one folder. A name that exists has all its bytes, also after a power cut."""

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from store.errors import ArtifactMissing

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Stored:
    """A published blob."""

    sha256: str
    bytes: int


class ArtifactStore:
    """``cas/ab/abcdef…`` for what is published, ``staging/`` for what is not yet, and folders for running jobs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        for name in ("cas", "staging", "checkpoints", "work"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def stage(self) -> Path:
        """A fresh path to write to. Whoever gives up removes the file; what is forgotten is swept."""
        return self.root / "staging" / secrets.token_hex(16)

    def clear_staging(self) -> None:
        """Remove what is being written. Only where nothing runs that could write it."""
        for path in (self.root / "staging").iterdir():
            _remove(path)

    def publish(self, path: Path) -> Stored:
        """Move a complete file to its content's name, durably, and return that. The same bytes twice are one blob.

        ``path`` must be on the same file system, as staging and the work folders are; it is gone afterwards.
        """
        stored = _hash_durably(path)
        target = self._place(stored.sha256)
        with self._lock():
            if not target.parent.exists():
                target.parent.mkdir()
                _sync_folder(target.parent.parent)
            if target.exists():
                os.utime(target)  # young again, so that no sweep takes it before its row is committed
                path.unlink()
            else:
                path.chmod(0o444)
                os.utime(path)
                path.replace(target)
                _sync_folder(target.parent)
        return stored

    def path(self, sha256: str) -> Path:
        """Where a published blob lies. Raises ArtifactMissing."""
        target = self._place(sha256)
        if not target.is_file():
            raise ArtifactMissing(sha256)
        return target

    def work(self, job_id: str, attempt: int) -> Path:
        """The folder of one attempt, made when it is not there. Nothing in it is visible to anybody else."""
        return _made(self.root / "work" / job_id / str(attempt))

    def checkpoints(self, job_id: str) -> Path:
        """The folder that the attempts of a job share, made when it is not there."""
        return _made(self.root / "checkpoints" / job_id)

    def sweep(self, older_than_seconds: float, referenced: Collection[str]) -> list[str]:
        """Remove blobs that nothing refers to and files left in staging, when older than that; return the hashes.

        The age must exceed the longest time between ``publish`` and the commit of the row that refers to it.
        """
        oldest = time.time() - older_than_seconds
        removed = []
        for path in (self.root / "staging").iterdir():
            if _modified(path) < oldest:
                _remove(path)
        for file in (self.root / "cas").glob("??/*"):
            with self._lock():
                if file.name not in referenced and _modified(file) < oldest:
                    file.unlink()
                    removed.append(file.name)
        return removed

    def _place(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ArtifactMissing(sha256[:64])
        return self.root / "cas" / sha256[:2] / sha256

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Between processes: a blob is never renewed and swept at the same time."""
        with (self.root / ".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_durably(path: Path) -> Stored:
    digest = hashlib.sha256()
    count = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            count += len(chunk)
        os.fsync(file.fileno())
    return Stored(digest.hexdigest(), count)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _modified(path: Path) -> float:
    """Seconds since the epoch; infinity when somebody has removed it meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)  # another sweep may be at it too
    else:
        path.unlink(missing_ok=True)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
