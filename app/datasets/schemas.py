"""The wire shapes of datasets."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from app.pages import Closed, PageQuery, Time, Warned
from store.datasets import Dataset as StoredDataset


class _Column(Closed):
    name: str
    missing: int
    distinct: int


class NumberColumn(_Column):
    """Numbers; without any, `min`, `max` and `mean` are null."""

    type: Literal["number"]
    min: float | None
    max: float | None
    mean: float | None


class CategoryColumn(_Column):
    """Values out of a set; `top` are the most frequent."""

    type: Literal["category"]
    top: list[str]


class DateColumn(_Column):
    """Points in time, UTC."""

    type: Literal["date"]
    min: str | None
    max: str | None


class BooleanColumn(_Column):
    """Truth values; `mean` is the share of true among those present."""

    type: Literal["boolean"]
    mean: float | None


class TextColumn(_Column):
    """Free text."""

    type: Literal["text"]


class ImageColumn(_Column):
    """Pictures of one size, in pixels; `channels` is 1 (grey) or 3 (RGB)."""

    type: Literal["image"]
    height: int
    width: int
    channels: int


Column = Annotated[
    NumberColumn | CategoryColumn | DateColumn | BooleanColumn | TextColumn | ImageColumn, Field(discriminator="type")
]

_COLUMNS: TypeAdapter[list[Column]] = TypeAdapter(list[Column])


class Dataset(Closed):
    """Immutable rows, as API.md section 3 shows them."""

    id: str
    object: Literal["dataset"]
    name: str | None
    format: str
    bytes: int
    sha256: str
    rows: int
    columns: list[Column]
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
        columns=_COLUMNS.validate_python(description["columns"]),
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
        default=None,
        max_length=8,
        description="CSV, also a `labels.csv`: what parts cells, `,` by default; `tab` may be written out.",
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
    image_size: str | None = Field(
        default=None,
        max_length=16,
        description="Images: the size that all get, `28` (square) or `32x24` (width, height); their own by default.",
    )


class Columns(BaseModel):
    """A small table as JSON."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, list[str | float | bool | None]]
