"""The API process: ``uvicorn --factory app.main:create_app``."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from types import FrameType

import anyio
import torch
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, FastAPI, Request, Security
from fastapi.responses import HTMLResponse, Response

from app import health, openapi, problems, reference
from app.adaptations import endpoints as adaptations
from app.adaptations.schemas import AdaptRequest
from app.aliases import endpoints as aliases
from app.aliases.schemas import PutAlias, RollBack
from app.cards import endpoints as cards
from app.datasets import endpoints as datasets
from app.datasets.schemas import Columns
from app.deps import principal, readable_query
from app.edge import Edge, make_log
from app.gate import Gate
from app.images import IMAGES_AT_ONCE
from app.jobs import endpoints as jobs
from app.jobs.schemas import Cancel
from app.jobs.service import versions
from app.jobs.watch import Watch
from app.keyring import Keyring
from app.methods import endpoints as methods
from app.models import endpoints as models
from app.models.service import locate
from app.parts import Parts
from app.pointers import Pointers
from app.predictions import endpoints as predictions
from app.predictions.schemas import PredictRequest
from app.predictors import Predictors
from app.settings import AppSettings
from learning.specs import spec_json_schema
from store.artifacts import ArtifactStore
from store.ingest import IngestLimits, IngestPool
from store.queue import Doorbell
from store.session import Database

DESCRIPTION = "Many small, related prediction tasks, trained together, with an honest word on whether that helped."


def create_app(settings: AppSettings | None = None) -> FastAPI:
    """The application. Its processes and connections start and end with the server."""
    settings = settings or AppSettings()  # type: ignore[call-arg] # the rest is in the environment
    app = FastAPI(
        title="Taskgraft",
        version=version("taskgraft"),
        description=DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,  # the framework's pages load scripts from a public network
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.log = make_log()
    app.add_middleware(Gate, hosts=_listed(settings.hosts), origins=_listed(settings.origins))
    app.add_middleware(Edge, log=app.state.log)
    problems.install(app)
    # default deny: every route under this router needs a key
    v1 = APIRouter(
        prefix="/v1", dependencies=[Security(principal), Depends(readable_query)], responses=openapi.anything_else()
    )
    # routes are tried in this order, and predictions are asked for most often
    for router in (
        predictions.router,
        adaptations.router,
        datasets.router,
        jobs.router,
        models.router,
        cards.router,
        aliases.router,
        methods.router,
    ):
        v1.include_router(router)
    app.include_router(v1)
    app.include_router(health.router)
    openapi.install(
        app,
        bodies=(AdaptRequest, Columns, Cancel, PredictRequest, PutAlias, RollBack),
        schemas={"JobSpec": spec_json_schema()},
    )
    app.add_route("/docs", partial(_reference, app), include_in_schema=False)
    return app


def _listed(setting: str) -> list[str]:
    return [part for item in setting.split(",") if (part := item.strip())]


async def _reference(app: FastAPI, _request: Request) -> Response:
    return HTMLResponse(reference.page(app.openapi()), headers=reference.HEADERS)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    torch.set_num_threads(1)  # requests run side by side; within one, more threads would only wait for each other
    parts = _parts(app.state.settings)
    app.state.parts = parts
    try:
        await run_sync(parts.ingest.warm)
        _hear_of_the_stop(parts.watch)
        yield
    finally:
        parts.watch.close()
        parts.close()


def _hear_of_the_stop(watch: Watch) -> None:
    """End the answers that wait for a change at the first SIGTERM or Ctrl-C: the server lets every open answer finish
    before it ends the lifespan."""
    if threading.current_thread() is not threading.main_thread():
        return  # a server in a thread is stopped by its owner, not by signals
    loop = asyncio.get_running_loop()

    def chain(number: int) -> None:
        server = signal.getsignal(number)

        def stop(received: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(watch.close)
            if callable(server):
                server(received, frame)

        signal.signal(number, stop)

    for number in (signal.SIGINT, signal.SIGTERM):
        chain(number)


def _parts(settings: AppSettings) -> Parts:
    database = Database(settings.database_url)
    artifacts = ArtifactStore(settings.artifacts)
    return Parts(
        settings=settings,
        database=database,
        artifacts=artifacts,
        doorbell=Doorbell(settings.redis_url),
        ingest=IngestPool(IngestLimits(), processes=settings.ingest_processes),
        ingest_places=anyio.CapacityLimiter(settings.ingest_processes),
        image_places=anyio.CapacityLimiter(IMAGES_AT_ONCE),
        keyring=Keyring(database, trust_seconds=settings.trust_seconds),
        pointers=Pointers(database, trust_seconds=settings.alias_trust_seconds),
        predictors=Predictors(
            locate=locate(database, artifacts),
            most_bytes=settings.predictor_bytes,
            loads=settings.predictor_loads,
            wait_seconds=settings.predictor_wait_seconds,
            trust_seconds=settings.trust_seconds,
        ),
        watch=Watch(versions(database), poll_seconds=settings.change_poll_seconds),
    )
