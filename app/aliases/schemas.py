"""The wire shapes of aliases."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.pages import Closed, Page


class Alias(Closed):
    """A name that stands for a model, wherever a model's id may stand."""

    name: str
    object: Literal["alias"]
    model: str
    version: int = Field(description="Of its newest move: the position in its history, from 1.")
    created_at: datetime
    updated_at: datetime = Field(description="When it moved last.")


class AliasMove(Closed):
    """The alias was made to point to a model."""

    version: int
    object: Literal["alias_move"]
    model: str
    restores: int | None = Field(description="Of a rollback: the version that it went back to.")
    created_at: datetime


class AliasWithHistory(Alias):
    """An alias and a page of its moves; `after` takes a version."""

    history: Page[AliasMove]


class _Conditional(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    if_current: str | None = Field(
        default=None,
        description="Move only while the alias points to the model of this id, else 409 `alias-moved`. Null: only "
        "while there is no such alias. Absent: in any case.",
    )


class PutAlias(_Conditional):
    """Where to point the alias."""

    model: str = Field(description="The id of a model, or another alias that stands for it now.")


class RollBack(_Conditional):
    """Under which condition to go back."""


class AliasQuery(BaseModel):
    """Which aliases to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100, description="Most items in this page.")
    after: str | None = Field(default=None, max_length=256, description="Name of the last alias of the page before.")
    order: Literal["asc", "desc"] = Field(default="asc", description="By name.")


class HistoryQuery(BaseModel):
    """Which moves of an alias to show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100, description="Most moves in this answer.")
    after: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="Version of the last move of the page before."
    )
    order: Literal["asc", "desc"] = Field(default="desc", description="By version.")
