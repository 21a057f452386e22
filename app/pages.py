"""Lists: ``limit``, ``after``, ``order``; pages by key, never by offset."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from store.paging import Page as StorePage

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
Item = TypeVar("Item")
Row = TypeVar("Row")


class Closed(BaseModel):
    """A wire shape: nothing beyond its fields, none of them optional, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Warned(Closed):
    """Part of an answer: something the user may want to know, and where it is in the request."""

    code: str
    detail: str
    pointer: str | None


def _utc(time: AwareDatetime) -> datetime:
    """In UTC, and within what both databases can compare with."""
    if not 1970 <= time.year < 9999:
        raise PydanticCustomError("out_of_range", "expected a time between 1970 and 9998")
    return time.astimezone(UTC)


def _written(text: object) -> object:
    """Refuse what is no RFC 3339 time, such as a bare number of seconds."""
    if not (isinstance(text, str) and _RFC_3339.fullmatch(text)):
        raise PydanticCustomError("no_time", "expected an RFC 3339 time such as 2026-01-31T12:00:00Z")
    return text


Time = Annotated[AwareDatetime, AfterValidator(_utc), BeforeValidator(_written)]


class PageQuery(BaseModel):
    """What every list understands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=20, ge=1, le=100, description="Most items in this page.")
    after: str | None = Field(default=None, max_length=256, description="Id of the last item of the page before.")
    order: Literal["asc", "desc"] = Field(default="desc", description="By time of creation.")


class Page(Closed, Generic[Item]):
    """One page of a list."""

    object: Literal["list"]
    data: list[Item]
    first_id: str | None
    last_id: str | None
    has_more: bool


def page(found: StorePage[Row], *, show: Callable[[Row], Item], key: Callable[[Row], object]) -> Page[Item]:
    """What the store found as a list on the wire; ``key`` is what ``after`` takes."""
    return Page[Any](
        object="list",
        data=[show(row) for row in found.items],
        first_id=str(key(found.items[0])) if found.items else None,
        last_id=str(key(found.items[-1])) if found.items else None,
        has_more=found.has_more,
    )
