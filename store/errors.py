"""What the store may refuse. One root; each child has a stable ``code`` and knows no HTTP."""

from collections.abc import Sequence
from typing import ClassVar


class StoreError(Exception):
    """Root of every refusal of this room."""

    code: ClassVar[str] = "store-error"


class NotFound(StoreError):
    """No such thing in this project. A foreign thing and an unknown one are the same."""

    code = "not-found"

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"expected the id of a {kind} of this project, found {key[:64]!r}")
        self.kind = kind
        self.key = key


class DatasetNotFound(NotFound):
    """A job names a dataset that this project does not have."""

    code = "dataset-not-found"

    def __init__(self, key: str) -> None:
        super().__init__("dataset", key)


class DatasetDeleted(StoreError):
    """A job names a dataset of which only the tombstone is left."""

    code = "dataset-deleted"

    def __init__(self, key: str) -> None:
        super().__init__(f"expected a dataset that still exists, found the deleted {key}")
        self.key = key


class DatasetInUse(StoreError):
    """A dataset cannot be deleted while an unfinished job reads it."""

    code = "dataset-in-use"

    def __init__(self, key: str, jobs: list[str]) -> None:
        super().__init__(f"expected no unfinished job on {key}, found {', '.join(jobs[:5])}")
        self.key = key
        self.jobs = jobs


class ModelNotFound(NotFound):
    """A request names a model, by id or alias, that this project does not have."""

    code = "model-not-found"

    def __init__(self, key: str) -> None:
        super().__init__("model", key)


class ModelDeleted(StoreError):
    """A request names a model of which only the tombstone is left."""

    code = "model-deleted"

    def __init__(self, key: str) -> None:
        super().__init__(f"expected a model that still exists, found the deleted {key}")
        self.key = key


class ModelInUse(StoreError):
    """A model cannot be deleted while an alias points to it."""

    code = "model-in-use"

    def __init__(self, key: str, aliases: Sequence[str]) -> None:
        named = ", ".join(repr(alias[:64]) for alias in aliases[:5])
        super().__init__(f"expected no alias on {key}, found {named}: move or delete the alias first")
        self.key = key
        self.aliases = tuple(aliases)


class ModelNeeded(StoreError):
    """A model cannot be deleted while an unfinished job asks it."""

    code = "model-in-use"

    def __init__(self, key: str, jobs: Sequence[str]) -> None:
        super().__init__(f"expected no unfinished job on {key}, found {', '.join(jobs[:5])}")
        self.key = key
        self.jobs = tuple(jobs)


class InvalidName(StoreError):
    """Nothing may be called that."""

    code = "invalid-name"


class AliasMoved(StoreError):
    """An alias does not point to what the mover believes."""

    code = "alias-moved"

    def __init__(self, name: str, *, expected: str | None, found: str | None) -> None:
        super().__init__(
            f"expected the alias {name[:64]!r} at {(expected or 'no model')[:64]}, found it at {found or 'no model'}"
        )
        self.name = name
        self.found = found


class NothingBefore(StoreError):
    """An alias has made no move that could be taken back."""

    code = "nothing-to-roll-back"

    def __init__(self, name: str) -> None:
        super().__init__(f"expected a model before the one that {name[:64]!r} points to, found it at its first")
        self.name = name


class InvalidCursor(StoreError):
    """``after`` is no id of the list that is read."""

    code = "invalid-cursor"

    def __init__(self, after: str) -> None:
        super().__init__(f"expected an id of this list as 'after', found {after[:64]!r}")
        self.after = after


class JobFinished(StoreError):
    """A terminal job is immutable."""

    code = "job-already-finished"

    def __init__(self, key: str, status: str) -> None:
        super().__init__(f"expected an unfinished job, found {key} already {status}")
        self.key = key
        self.status = status


class JobNotEnded(StoreError):
    """Only what has ended can be done again."""

    code = "job-not-ended"

    def __init__(self, key: str, status: str) -> None:
        super().__init__(f"expected a job that has ended, found {key} still {status}")
        self.key = key
        self.status = status


class IllegalMove(StoreError):
    """A job was asked to make a move that the state machine does not have."""

    code = "illegal-move"

    def __init__(self, status: str, target: str) -> None:
        super().__init__(f"expected a move that a {status} job can make, found a move to {target}")
        self.status = status
        self.target = target


class LeaseLost(StoreError):
    """The attempt no longer holds its job: kill the child, delete its staging, never retry the write."""

    code = "lease-lost"

    def __init__(self, job_id: str, attempt: int) -> None:
        super().__init__(f"expected attempt {attempt} to hold {job_id}, found its lease gone")
        self.job_id = job_id
        self.attempt = attempt


class IdempotencyKeyReused(StoreError):
    """The key was used before with another request."""

    code = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("expected the request that this Idempotency-Key was first sent with, found another one")


class RequestInProgress(StoreError):
    """The first request with this key has not been answered yet."""

    code = "request-in-progress"

    def __init__(self) -> None:
        super().__init__("expected a finished request under this Idempotency-Key, found it still running")


class ArtifactMissing(StoreError):
    """A referenced blob is not in the artifacts folder."""

    code = "artifact-missing"

    def __init__(self, sha256: str) -> None:
        super().__init__(f"expected the artifact {sha256}, found no file with that content")
        self.sha256 = sha256


class DatabaseBusy(StoreError):
    """The database cannot answer now: locked, unreachable, read-only or out of space. Worth a retry."""

    code = "database-busy"


class UnsafeLocation(StoreError):
    """SQLite was asked to live on a network file system, whose locks it cannot trust."""

    code = "unsafe-location"
