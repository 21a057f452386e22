"""The wire shapes of predictions. They document and check nothing on the way: the hot path reads and writes by hand."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.pages import Closed, Warned


class PredictRequest(BaseModel):
    """Rows, or the same as columns."""

    model_config = ConfigDict(extra="forbid")

    rows: list[dict[str, Any]] | None = Field(
        default=None, description='One object a row, all with the same keys. An image is `{"base64": "…"}`.'
    )
    columns: dict[str, list[Any]] | None = Field(default=None, description="One list a column, all of one length.")
    tasks: list[str] | None = Field(default=None, description="Only these tasks; all of them when absent.")
    strict: bool = Field(default=False, description="Refuse unseen groups and categories instead of warning.")


class Values(Closed):
    """Answers of a regression task, one a row."""

    values: list[float]


class Labels(Closed):
    """Answers of a classification task, one a row."""

    labels: list[str]
    classes: list[str]
    probabilities: list[list[float]] = Field(description="One list a row, in the order of `classes`.")


class Predictions(Closed):
    """Answers by task; in a grouped model by target."""

    model: str
    predictions: dict[str, Values | Labels]
    warnings: list[Warned]
