"""Requests that must not happen twice: reserved under a key, answered again with the stored answer."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from store.errors import IdempotencyKeyReused, RequestInProgress
from store.tables import IdempotencyRow

KEPT_SECONDS = 24 * 3600.0
# whoever needs longer renews it: a reservation older than that is of a server that died
RESERVED_SECONDS = 120.0


@dataclass(frozen=True)
class Request:
    """What a key is valid for: one method and route of one project."""

    project_id: str
    method: str
    route: str
    key: str


@dataclass(frozen=True)
class Reservation:
    """The right to answer a request. It ends with ``complete`` or ``cancel``, or when it expires without ``renew``."""

    request: Request
    token: str


@dataclass(frozen=True)
class Answer:
    """The stored answer of the first request."""

    status: int
    headers: dict[str, str]
    body: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """For a body whose hash was not known before it was read. Raises IdempotencyKeyReused when it is another."""
        if fingerprint != self.fingerprint:
            raise IdempotencyKeyReused


def reserve(session: Session, request: Request, *, now: datetime, fingerprint: str | None) -> Reservation | Answer:
    """Reserve the key, or find the answer that it already has.

    ``fingerprint`` is the sha256 of the request; None before an upload is read, to be checked with ``Answer.check``.
    Raises IdempotencyKeyReused for another request's key; RequestInProgress while the first one runs.
    """
    session.execute(
        delete(IdempotencyRow).where(*_is(request), IdempotencyRow.expires_at <= now).execution_options(**_PLAIN)
    )
    found = lookup(session, request, now=now, fingerprint=fingerprint)
    if found is not None:
        return found
    token = secrets.token_hex(16)
    try:
        with session.begin_nested():
            session.execute(
                insert(IdempotencyRow).values(
                    project_id=request.project_id,
                    method=request.method,
                    route=request.route,
                    key=request.key,
                    fingerprint=fingerprint,
                    token=token,
                    expires_at=now + timedelta(seconds=RESERVED_SECONDS),
                )
            )
    except IntegrityError:
        # PostgreSQL: another request committed the same key between our look and our insert
        again = lookup(session, request, now=now, fingerprint=fingerprint)
        if again is None:
            raise RequestInProgress from None
        return again
    return Reservation(request, token)


def lookup(session: Session, request: Request, *, now: datetime, fingerprint: str | None) -> Answer | None:
    """The stored answer; None for an unused key. Raises as ``reserve`` does."""
    row = IdempotencyRow
    found = session.execute(
        select(row.fingerprint, row.status, row.headers, row.body).where(*_is(request), row.expires_at > now)
    ).first()
    if found is None:
        return None
    if fingerprint is not None and found.fingerprint is not None and fingerprint != found.fingerprint:
        raise IdempotencyKeyReused
    if found.status is None:
        raise RequestInProgress
    return Answer(found.status, found.headers, found.body, found.fingerprint)


def complete(
    session: Session,
    reservation: Reservation,
    *,
    now: datetime,
    fingerprint: str,
    status: int,
    headers: Mapping[str, str],
    body: str,
) -> None:
    """Store the answer for 24 h, in the transaction of what the request did.

    Raises RequestInProgress when the reservation expired and somebody else has the key: nothing may be stored then.
    """
    done = session.execute(
        update(IdempotencyRow)
        .where(*_is(reservation.request), IdempotencyRow.token == reservation.token)
        .values(
            fingerprint=fingerprint,
            status=status,
            headers=dict(headers),
            body=body,
            expires_at=now + timedelta(seconds=KEPT_SECONDS),
        )
        .returning(IdempotencyRow.key)
        .execution_options(**_PLAIN)
    ).first()
    if done is None:
        raise RequestInProgress


def renew(session: Session, reservation: Reservation, *, now: datetime) -> bool:
    """Hold the key for ``RESERVED_SECONDS`` from now; False when it is answered or somebody else's."""
    until = now + timedelta(seconds=RESERVED_SECONDS)
    statement = update(IdempotencyRow).where(*_unanswered(reservation)).values(expires_at=until)
    held = session.execute(statement.returning(IdempotencyRow.key).execution_options(**_PLAIN)).first()
    return held is not None


def cancel(session: Session, reservation: Reservation) -> None:
    """Free the key of a request that did nothing: a retry shall be able to succeed."""
    session.execute(delete(IdempotencyRow).where(*_unanswered(reservation)).execution_options(**_PLAIN))


def free_all(session: Session) -> None:
    """Free every key that has no answer yet. Only where no server runs that could still answer."""
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.status.is_(None)).execution_options(**_PLAIN))


def purge(session: Session, *, now: datetime) -> None:
    """Forget what has expired."""
    session.execute(delete(IdempotencyRow).where(IdempotencyRow.expires_at <= now).execution_options(**_PLAIN))


_PLAIN = {"synchronize_session": False}


def _unanswered(reservation: Reservation) -> tuple[ColumnElement[bool], ...]:
    row = IdempotencyRow
    return (*_is(reservation.request), row.token == reservation.token, row.status.is_(None))


def _is(request: Request) -> tuple[ColumnElement[bool], ...]:
    row = IdempotencyRow
    return (
        row.project_id == request.project_id,
        row.method == request.method,
        row.route == request.route,
        row.key == request.key,
    )
