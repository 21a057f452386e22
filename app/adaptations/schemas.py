"""The wire shapes of adaptations. The request is read by hand, as that of predictions is: its schema documents."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.models.schemas import Model
from app.pages import Closed, Warned
from app.predictions.schemas import Labels, Values

MOST_SECONDS = 10 * 366 * 86_400
"""Longest life that `ttl_seconds` may give."""
MOST_STEPS = 100
MOST_TARGETS = 100


class RowsOrColumns(BaseModel):
    """Rows, or the same as columns."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, Any]] | None = Field(default=None, description="One object a row, all with the same keys.")
    columns: dict[str, list[Any]] | None = Field(default=None, description="One list a column, all of one length.")


class OneSupport(RowsOrColumns):
    """Labelled rows of one of several tasks, and what is asked of it alone."""

    dataset: str | None = Field(default=None, description="Instead of rows: a dataset of them.")
    query: RowsOrColumns | None = Field(default=None, description="Instead of the request's own `query`.")
    task_key: dict[str, str | float | bool] | None = Field(default=None, description="Of a grouped model: this group.")


class AdaptRequest(BaseModel):
    """A support set, or many; exactly one of `support` and `supports`."""

    model_config = ConfigDict(extra="forbid")

    support: RowsOrColumns | str | None = Field(
        default=None, description="Labelled rows, or the id of a dataset of them."
    )
    supports: dict[str, OneSupport] | None = Field(
        default=None, description="Many tasks, adapted to in one pass; stored children are named by these keys."
    )
    target: str | None = Field(default=None, description="The column of the labels; by default the model's own target.")
    targets: list[str] | None = Field(
        default=None,
        max_length=MOST_TARGETS,
        description="Several columns of labels, of a new group of a grouped model.",
    )
    task_key: dict[str, str | float | bool] | None = Field(
        default=None, description="Of a grouped model: the new group, a value for each of its `group_by` columns."
    )
    query: RowsOrColumns | None = Field(default=None, description="Rows to answer in the same request.")
    steps: int | None = Field(
        default=None, ge=1, le=MOST_STEPS, description="Inner steps, where the method has some; by default its own."
    )
    store: bool = Field(default=True, description="Whether the adapted model is stored.")
    name: str | None = Field(default=None, description="Of the stored model. With `supports`, its keys are the names.")
    ttl_seconds: float | None = Field(
        default=None,
        gt=0,
        le=MOST_SECONDS,
        description="How long the stored model lives; by default until it is deleted.",
    )


class Check(Closed):
    """Whether adapting was worth it, by the support rows alone: each is answered by what the others teach."""

    metric: str
    support_leave_one_out: float | None = Field(description="Null where too few rows are there to leave one out.")
    before: float | None = Field(description="Of the model as it was; null where it had no answer.")
    worth_it: bool | None


class Adaptation(Closed):
    """An adapted model and what it answers."""

    model: Model | None = Field(description="The stored child; null when nothing was stored.")
    predictions: dict[str, Values | Labels] | None = Field(description="For `query`, by task; null without one.")
    check: Check | dict[str, Check] = Field(description="With `targets`, or of a group of several: by target.")
    warnings: list[Warned]


class AdaptedOne(Adaptation):
    """The answer to a single `support`."""

    seconds: float = Field(description="On the server, from the whole body to the answer.")


class Refused(Closed):
    """A support that could not be adapted to; the others were."""

    code: str
    detail: str
    errors: list[Warned]


class Failed(Closed):
    """One of `supports` that is told what is wrong with it."""

    error: Refused


class AdaptedMany(Closed):
    """The answer to `supports`, by its keys."""

    adaptations: dict[str, Adaptation | Failed]
    seconds: float = Field(description="On the server, from the whole body to the answer.")
