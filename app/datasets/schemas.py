"""The wire shapes of datasets."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.pages import Closed, PageQuery, Time, Warned
from store.datasets import Dataset as StoredDataset


class Dataset(Closed):
    """Immutable rows, as API.md section 3 shows them."""

    id: str
    object: Literal["dataset"]
    name: str | None
    format: str
    bytes: int
    sha256: str
    rows: int
    columns: list[dict[str, Any]]
    warnings: list[Warned]
    created_at: datetime


def show(dataset: StoredDataset) -> Dataset:
    """The dataset's wire shape."""
    description = dataset.description
    warnings = [
        Warned(code=one["code"], detail=one["detail"], pointer=one.get("pointer")) for one in description["warnings"]
    ]
    return Dataset(
        id=dataset.id,
        object="dataset",
        name=dataset.name,
        format=dataset.format,
        bytes=dataset.bytes,
        sha256=dataset.sha256,
        rows=description["rows"],
        columns=description["columns"],
        warnings=warnings,
        created_at=dataset.created_at,
    )


class DatasetQuery(PageQuery):
    """Which datasets to list."""

    name: str | None = Field(default=None, max_length=256, description="Only datasets of exactly this name.")
    created_after: Time | None = Field(default=None, description="Only datasets created after this time.")


class RowsQuery(BaseModel):
    """Which rows to preview."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100, description="Most rows in this page.")


class UploadQuery(BaseModel):
    """How the uploaded file is named and read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str | None = Field(default=None, description="A name of at most 256 bytes; names may repeat.")
    delimiter: str | None = Field(
        default=None, max_length=8, description="CSV: what parts cells, `,` by default; `tab` may be written out."
    )
    decimal: str | None = Field(default=None, max_length=1, description="CSV: the decimal mark, `.` by default.")
    nulls: str | None = Field(
        default=None, max_length=1024, description="CSV: comma-separated cells that mean missing, such as `NA,?`."
    )
    types: str | None = Field(
        default=None,
        max_length=65536,
        description="Column types that override what is inferred: `shop:category,zip:category`.",
    )


class Columns(BaseModel):
    """A small table as JSON."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, list[str | float | bool | None]]
