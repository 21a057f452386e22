"""What time it is in a session: the clock of its database, for rows that are there until a time and then no more."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

CLOCK = "taskgraft_clock"
"""Where ``Database`` leaves its clock in the sessions that it opens."""

Clock = Callable[[Session], datetime]


def now(session: Session) -> datetime:
    """Aware UTC, by the clock of the database that opened the session."""
    clock: Clock = session.info[CLOCK]
    return clock(session)
