"""Models kept ready to answer: a bounded cache, least recently used out first, of predictors loaded from verified files."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from anyio.to_thread import run_sync

from app.errors import ApiError
from learning.predictor import Predictor

BLOCK = 1 << 20


@dataclass(frozen=True)
class Location:
    """Where a model's bytes are, and what they must hash to."""

    path: Path
    sha256: str
    bytes: int


Locate = Callable[[str, str], Location]
"""(project id, model id) → where it is; raises ``NotFound`` for an unknown, foreign or deleted model."""


@dataclass
class _Kept:
    """A warm predictor and when the database last said that the model exists."""

    predictor: Predictor
    believed: float


class Predictors:
    """Warm predictors by project and model, at most ``most_bytes`` of them.

    A warm model is answered without the database for ``trust_seconds``; then one read checks that it still exists.
    """

    def __init__(
        self, *, locate: Locate, most_bytes: int, loads: int, wait_seconds: float, trust_seconds: float
    ) -> None:
        self._locate = locate
        self._most_bytes = most_bytes
        self._wait_seconds = wait_seconds
        self._trust_seconds = trust_seconds
        self._places = asyncio.Semaphore(loads)
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._loading: dict[tuple[str, str], asyncio.Task[Predictor]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the models kept now."""
        return sum(kept.predictor.nbytes for kept in self._kept.values())

    async def get(self, project_id: str, model_id: str) -> Predictor:
        """The model's predictor, loaded if need be; requests for the same cold model share one load.

        Raises:
            NotFound: no such model in this project.
            ApiError: ``model-corrupt`` when the file is absent, altered or unreadable; ``busy`` when too many models
                are being loaded.
        """
        key = (project_id, model_id)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            if time.monotonic() - kept.believed >= self._trust_seconds:
                await self._believe_again(key, kept)
            return kept.predictor
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key))
            task.add_done_callback(lambda done: self._loaded(key, done))
        # shielded: a client that goes away must not end the load for the others
        return await asyncio.shield(task)

    def forget(self, project_id: str, model_id: str) -> None:
        """Drop a deleted model at once."""
        self._kept.pop((project_id, model_id), None)

    def _loaded(self, key: tuple[str, str], done: asyncio.Task[Predictor]) -> None:
        del self._loading[key]
        if not done.cancelled():
            done.exception()  # seen, even when every client that waited for it has gone away

    async def _believe_again(self, key: tuple[str, str], kept: _Kept) -> None:
        try:
            await run_sync(self._locate, *key)
        except Exception:
            self._kept.pop(key, None)
            raise
        kept.believed = time.monotonic()

    async def _load(self, key: tuple[str, str]) -> Predictor:
        location = await run_sync(self._locate, *key)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise ApiError("busy", "expected a free place to load the model, found all taken") from None
        try:
            # room first: what is kept and what is being loaded stay within the bound together
            self._make_room(location.bytes)
            predictor = await run_sync(_open, location)
            self._make_room(predictor.nbytes)
        finally:
            self._places.release()
        if predictor.nbytes <= self._most_bytes:
            self._kept[key] = _Kept(predictor, time.monotonic())
        return predictor

    def _make_room(self, nbytes: int) -> None:
        while self._kept and self.nbytes + nbytes > self._most_bytes:
            self._kept.popitem(last=False)


def _open(location: Location) -> Predictor:
    corrupt = ApiError("model-corrupt", "expected the stored model's own bytes, found the file absent or altered")
    try:
        if _sha256(location.path) != location.sha256:
            raise corrupt
        return Predictor.load(location.path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise corrupt from error


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
