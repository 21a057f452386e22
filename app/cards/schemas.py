"""The wire shape of model cards."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.models.schemas import SHOWN_TASKS, Model, Task
from app.pages import Closed, Warned


class CardJob(Closed):
    """The job that made the model."""

    id: str
    name: str | None
    status: Literal["succeeded", "cancelled"] = Field(description="Cancelled: the model is its best state until then.")
    started_at: datetime | None
    finished_at: datetime | None
    spec: dict[str, Any] = Field(description="What was asked for, with every default.")
    environment: dict[str, Any] | None
    warnings: list[Warned]


class CardTask(Closed):
    """A task of the model and, where its job judged it, the rows, rivals, gains and verdict."""

    task: Task
    result: dict[str, Any] | None


class CardDataset(Closed):
    """Data that the job read."""

    id: str
    name: str | None
    rows: int
    sha256: str = Field(description="Of the upload.")
    deleted: bool


class ModelCard(Closed):
    """What is on record of a model."""

    object: Literal["model_card"]
    model: Model
    job: CardJob | None = Field(description="Null for a model that no job of this installation made.")
    summary: str | None = Field(description="The job's result in a sentence or two.")
    counts: dict[str, int] | None = Field(description="How many tasks got each verdict.")
    tasks: list[CardTask] = Field(
        description=f"The first {SHOWN_TASKS}; all of them are at `…/tasks` of model and job."
    )
    tasks_total: int
    data: list[CardDataset]
    limits: list[str] = Field(description="What the record says that the model cannot do, and what it does not say.")
