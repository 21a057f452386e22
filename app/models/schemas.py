"""The wire shapes of models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.pages import Closed, PageQuery, Time
from learning.specs import MAX_TASK_NAME_BYTES

SHOWN_TASKS = 50
"""Most tasks that a model shows itself; more are read from its pages."""


class RegressionTask(Closed):
    """A number that the model answers with; `metrics` are of the test rows."""

    name: str
    type: Literal["regression"]
    metrics: dict[str, float | None]


class ClassTask(Closed):
    """A class that the model answers with; `metrics` are of the test rows."""

    name: str
    type: Literal["binary", "multiclass"]
    classes: list[str] | None = Field(description="Null of a meta-model whose tasks bring their own.")
    metrics: dict[str, float | None]


Task = Annotated[RegressionTask | ClassTask, Field(discriminator="type")]


class ValuesInput(Closed):
    """A category of which training saw these values."""

    name: str
    type: Literal["category"]
    values: list[str]


class ImageInput(Closed):
    """Images, which are brought to this size in pixels; one channel is grey, three are red, green and blue."""

    name: str
    type: Literal["image"]
    height: int
    width: int
    channels: int


class PlainInput(Closed):
    """A column that rows must bring."""

    name: str
    type: Literal["number", "category", "boolean", "date", "text"]


Input = ValuesInput | ImageInput | PlainInput


class Model(Closed):
    """A trained, stored, immutable model, as API.md section 5 shows it."""

    id: str
    object: Literal["model"]
    name: str | None
    kind: str
    job: str | None = Field(description="The job that made it; null for one that was imported or adapted.")
    imported: bool = Field(description="Whether it came as a file, from another installation.")
    parents: list[str]
    aliases: list[str]
    adaptable: bool
    tasks: list[Task] | None = Field(description=f"Null when there are more than {SHOWN_TASKS}: see …/tasks.")
    inputs: list[Input]
    network: dict[str, Any]
    method: dict[str, Any]
    bytes: int = Field(description="Of its file; of an adapted model, of what it adds to the one it was adapted from.")
    sha256: str = Field(description="Of the same; the whole file at …/artifact has its own as its `ETag`.")
    created_at: datetime
    expires_at: datetime | None = Field(description="When it is gone by itself, as if deleted.")


class Node(Closed):
    """Something a model comes from or that came from it."""

    id: str
    object: Literal["dataset", "job", "model"]
    name: str | None
    sha256: str | None = Field(description="Of a dataset or model, kept when it is deleted; a job has none.")
    deleted: bool


class Edge(Closed):
    """`source` came first."""

    source: str
    target: str
    relation: Literal["reads", "makes", "parent", "retry"]


class Lineage(Closed):
    """All that a model comes from and all that came from it."""

    object: Literal["lineage"]
    model: str
    nodes: list[Node]
    edges: list[Edge]
    complete: bool = Field(description="False when there is more than fits one answer.")


class ImportQuery(BaseModel):
    """How to store a file as a model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, description="Instead of the name that the file has.")


class ModelQuery(PageQuery):
    """Which models to list."""

    kind: str | None = Field(default=None, max_length=64)
    name: str | None = Field(default=None, max_length=256)
    created_after: Time | None = None


class ModelTaskQuery(BaseModel):
    """Which tasks of a model to list, in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100)
    after: str | None = Field(
        default=None, max_length=MAX_TASK_NAME_BYTES, description="Name of the last task of the page before."
    )
