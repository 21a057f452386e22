"""Who may enter. A key is shown once, when it is made; afterwards only its hash is known."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from store.ids import crockford, new_id
from store.tables import KeyRow, ProjectRow

ADMIN = "admin"
_SECRET_BITS = 256


@dataclass(frozen=True)
class NewKey:
    """``secret`` is ``tg_…``: 256 random bits, so that its plain hash is safe to store."""

    id: str
    project_id: str
    secret: str


@dataclass(frozen=True)
class Principal:
    """Who makes a request, on whose behalf, and what they may do."""

    project_id: str
    key_id: str
    scopes: frozenset[str]


def create_admin(session: Session, project: str, *, now: datetime) -> NewKey:
    """An admin key of the project of that name, which is made when there is none."""
    project_id = session.execute(select(ProjectRow.id).where(ProjectRow.name == project)).scalar()
    if project_id is None:
        project_id = new_id("project")
        session.execute(insert(ProjectRow).values(id=project_id, name=project, created_at=now))
    key = NewKey(new_id("key"), project_id, "tg_" + crockford(secrets.randbits(_SECRET_BITS), length=52))
    session.execute(
        insert(KeyRow).values(
            id=key.id,
            project_id=project_id,
            name=ADMIN,
            secret_sha256=_hash(key.secret),
            scopes=[ADMIN],
            created_at=now,
        )
    )
    return key


def authenticate(session: Session, secret: str) -> Principal | None:
    """Whose key this is. None for anything else."""
    found = session.execute(
        select(KeyRow.project_id, KeyRow.id, KeyRow.scopes).where(KeyRow.secret_sha256 == _hash(secret))
    ).first()
    return None if found is None else Principal(found.project_id, found.id, frozenset(found.scopes))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
