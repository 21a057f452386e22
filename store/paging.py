"""Lists are read in pages from a key onwards, never by offset."""

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")
AnySelect: TypeAlias = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    has_more: bool


def keyset(
    session: Session,
    statement: AnySelect,
    *,
    key: InstrumentedAttribute[Any],
    after: Any | None,
    limit: int,
    descending: bool,
) -> Page[tuple[Any, ...]]:
    """The next ``limit`` rows of ``statement`` beyond ``after`` in the order of ``key``, which must be unique in it."""
    if after is not None:
        statement = statement.where(key < after if descending else key > after)
    statement = statement.order_by(key.desc() if descending else key.asc()).limit(limit + 1)
    rows = [tuple(row) for row in session.execute(statement)]
    return Page(tuple(rows[:limit]), has_more=len(rows) > limit)
