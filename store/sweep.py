"""Housekeeping: what nothing refers to any more. Any number of processes may run it at any time."""

import shutil

from sqlalchemy import select
from sqlalchemy.orm import Session

from store import expiry, idempotency
from store.artifacts import ArtifactStore
from store.ids import is_id
from store.lifecycle import UNFINISHED
from store.session import Database
from store.tables import DatasetRow, JobRow, ModelRow

ORPHAN_SECONDS = 24 * 3600.0


def sweep(database: Database, artifacts: ArtifactStore, *, older_than_seconds: float = ORPHAN_SECONDS) -> list[str]:
    """Remove orphaned blobs, the folders of ended jobs, expired models and answers; return the hashes of the blobs."""
    with database.transaction() as session:
        now = database.now(session)
        idempotency.purge(session, now=now)
        expiry.bury(session, now=now)
    for folder in ("work", "checkpoints"):
        candidates = {path.name: path for path in (artifacts.root / folder).iterdir() if is_id(path.name, "job")}
        # listed before the jobs are read: a folder that a new job makes meanwhile is not a candidate
        with database.reading() as session:
            alive = set(session.scalars(select(JobRow.id).where(JobRow.status.in_(UNFINISHED))))
        for name, path in candidates.items():
            if name not in alive:
                shutil.rmtree(path, ignore_errors=True)  # another sweep may be at it too
    with database.reading() as session:
        used = referenced(session)
    return artifacts.sweep(older_than_seconds, used)


def referenced(session: Session) -> set[str]:
    """The artifacts of every live dataset and model, and of the bases that live models stand on, deleted or not."""
    live_datasets = select(DatasetRow.artifact).where(DatasetRow.deleted_at.is_(None))
    live_models = select(ModelRow.artifact).where(ModelRow.deleted_at.is_(None))
    needed = select(ModelRow.base_id).where(ModelRow.deleted_at.is_(None), ModelRow.base_id.is_not(None))
    bases = select(ModelRow.artifact).where(ModelRow.id.in_(needed))
    return set(session.scalars(live_datasets.union(live_models, bases)))
