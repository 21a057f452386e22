"""The column types that mean the same on SQLite and PostgreSQL."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, String
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC in Python; ``timestamptz`` on PostgreSQL, sortable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected an aware datetime, found the naive {value.isoformat()}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 SQLAlchemy's signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def dump_json(value: Any) -> str:
    """Strict JSON: a NaN is a bug of the caller, not a value."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


# ids sort by bytes on both databases, whatever the locale of the PostgreSQL cluster
ID = String().with_variant(String(collation="C"), "postgresql")
JSON_TYPE = JSON(none_as_null=True)

Id = Annotated[str, mapped_column(ID, primary_key=True)]
ProjectId = Annotated[str, mapped_column(ID, ForeignKey("projects.id"))]
JobKey = Annotated[str, mapped_column(ID, ForeignKey("jobs.id"), primary_key=True)]
Reference = Annotated[str, mapped_column(ID)]
Object = Annotated[dict[str, Any], mapped_column(JSON_TYPE)]
Objects = Annotated[list[dict[str, Any]], mapped_column(JSON_TYPE)]
Time = Annotated[datetime, mapped_column(UtcTime())]
