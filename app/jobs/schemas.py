"""The wire shapes of jobs."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.pages import Closed, PageQuery, Time, Warned
from learning.specs import MAX_TASK_NAME_BYTES

Status = Literal["queued", "running", "cancelling", "succeeded", "failed", "cancelled"]
Verdict = Literal["helped", "neutral", "hurt", "inconclusive"]


class JobError(Closed):
    """Why a job failed; never a stack trace."""

    code: str
    message: str
    param: str | None
    category: Literal["user", "server", "capacity"]
    retryable: bool


class Progress(Closed):
    """How far a job is. Before its worker has told anything, `fraction` is 0 and the rest is null."""

    fraction: float = Field(description="Of the whole job, from 0 to 1.")
    phase: str | None
    epoch: int | None
    epochs: int | None
    step: int | None
    eta_seconds: float | None
    metrics: dict[str, float | None]


class Job(Closed):
    """One request to train, as API.md section 4 shows it."""

    id: str
    object: Literal["job"]
    kind: str
    name: str | None
    status: Status
    attempt: int = Field(description="How often a worker has taken it up.")
    queue_position: int | None = Field(description="Jobs that will be taken before it, plus one; null once it runs.")
    spec: dict[str, Any] = Field(description="What was asked for, with every default.")
    environment: dict[str, Any] | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    progress: Progress
    model: str | None
    dataset: str | None
    result: dict[str, Any] | None
    error: JobError | None
    warnings: list[Warned] = Field(description="What the check of the job found worth knowing; it runs all the same.")
    metadata: dict[str, str]
    retried_from: str | None = Field(description="The ended job that this one does again.")


class DryRun(Closed):
    """What a job would be: nothing is stored."""

    spec: dict[str, Any] | None = Field(description="With every default; null when the spec cannot be read.")
    errors: list[Warned]
    warnings: list[Warned]


class Event(Closed):
    """Something that happened to a job."""

    id: int = Field(description="Its durable number within the job, without gaps.")
    object: Literal["event"]
    type: Literal["status", "progress", "metrics", "log"]
    data: dict[str, Any]
    created_at: datetime


class MetricPoint(Closed):
    """One value of one series."""

    name: str
    task: str | None = Field(description="Null where the value belongs to the whole job.")
    step: int
    value: float


class JobQuery(PageQuery):
    """Which jobs to list; besides these, `metadata[key]=value` filters by the job's own metadata."""

    model_config = ConfigDict(extra="allow", frozen=True)

    status: Status | None = None
    kind: str | None = Field(default=None, max_length=64)
    name: str | None = Field(default=None, max_length=256)
    created_after: Time | None = None

    @model_validator(mode="after")
    def _knows_each_parameter(self) -> "JobQuery":
        if len(self.model_extra or {}) > 16:
            raise PydanticCustomError("too_many_filters", "expected at most 16 filters by metadata, found more")
        for name in self.model_extra or {}:
            if not (name.startswith("metadata[") and name.endswith("]") and len(name) > len("metadata[]")):
                raise PydanticCustomError("extra_forbidden", "expected a known parameter", {"parameter": name})
        return self

    @property
    def metadata(self) -> dict[str, str]:
        """The asked-for metadata by key."""
        return {name[len("metadata[") : -1]: str(value) for name, value in (self.model_extra or {}).items()}


class SubmitQuery(BaseModel):
    """How to submit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dry_run: bool = Field(default=False, description="Only check: resolve every default, store nothing.")


class WaitQuery(BaseModel):
    """How long to wait for a change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wait: float = Field(
        default=0.0, ge=0, le=60, description="Seconds; the answer comes at the job's next change or then."
    )


class EventQuery(BaseModel):
    """Which events to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=100, ge=1, le=1000)
    after: int = Field(default=0, ge=0, le=2**31 - 1, description="Number of the last event already seen.")


class MetricQuery(BaseModel):
    """Which points to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, max_length=256, description="Only this series.")
    task: str | None = Field(
        default=None,
        max_length=MAX_TASK_NAME_BYTES,
        description="Only this task's series; those of a group's task are its target's.",
    )
    from_step: int = Field(default=0, ge=0, le=2**31 - 1)
    limit: int = Field(default=1000, ge=1, le=10_000)
    after: str | None = Field(
        default=None, max_length=4096, description="The `last_id` of the page before: a text without further meaning."
    )


class TaskQuery(BaseModel):
    """Which task results to list, in the order of the job's tasks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: Verdict | None = None
    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(
        default=None, max_length=MAX_TASK_NAME_BYTES, description="Name of the last task of the page before."
    )


class Cancel(BaseModel):
    """How to cancel."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    keep_best: bool = Field(default=False, description="Store the best model so far.")
