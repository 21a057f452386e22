"""Models that are kept for a while: gone from every look once their time has come, and tombstones after the next sweep."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from store import clock
from store.lifecycle import UNFINISHED
from store.tables import JobModelRow, JobRow, ModelRow


def alive(session: Session) -> ColumnElement[bool]:
    """As SQL: the model is neither deleted nor past its time."""
    return and_(
        ModelRow.deleted_at.is_(None), or_(ModelRow.expires_at.is_(None), ModelRow.expires_at > clock.now(session))
    )


def is_past(session: Session, expires_at: datetime | None) -> bool:
    """Whether the time has come; a model without one costs no look at the clock."""
    return expires_at is not None and expires_at <= clock.now(session)


def bury(session: Session, *, now: datetime) -> None:
    """Leave tombstones of the models whose time has come; one that an unfinished job asks waits for the next time."""
    asked = (
        select(JobModelRow.model_id)
        .join(JobRow, JobRow.id == JobModelRow.job_id)
        .where(JobModelRow.model_id == ModelRow.id, JobRow.status.in_(UNFINISHED))
    )
    session.execute(
        update(ModelRow)
        .where(ModelRow.expires_at <= now, ModelRow.deleted_at.is_(None), ~asked.exists())
        .values(deleted_at=now)
        .execution_options(synchronize_session=False)
    )
