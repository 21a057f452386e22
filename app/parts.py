"""What one API process holds for as long as it lives, made once in ``create_app``."""

from dataclasses import dataclass

import anyio

from app.jobs.watch import Watch
from app.keyring import Keyring
from app.pointers import Pointers
from app.predictors import Predictors
from app.settings import AppSettings
from store.artifacts import ArtifactStore
from store.ingest import IngestPool
from store.queue import Doorbell
from store.session import Database


@dataclass(frozen=True)
class Parts:
    """The parts that requests share."""

    settings: AppSettings
    database: Database
    artifacts: ArtifactStore
    doorbell: Doorbell
    ingest: IngestPool
    ingest_places: anyio.CapacityLimiter  # threads that wait for the ingest pool; never more than it has processes
    image_places: anyio.CapacityLimiter  # threads that answer for images, a few hundred megabytes each at most
    keyring: Keyring
    pointers: Pointers
    predictors: Predictors
    watch: Watch

    def close(self) -> None:
        """Let go of processes, threads and connections."""
        self.ingest.close()
        self.doorbell.close()
        self.database.dispose()
