"""Models kept ready to answer and to adapt: a bounded cache, least recently used out first, loaded from verified files."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from anyio.to_thread import run_sync

from app.errors import ApiError
from app.warm import Location, Warm, corrupt, open_child, open_whole
from learning.errors import LearningError
from learning.model import ModelFileInvalid
from learning.predictor import Predictor

Locate = Callable[[str, str], Location]
"""(project id, model id) → where it is; raises ``NotFound`` for an unknown, foreign, deleted or expired model."""

_Key = tuple[str, str]
_NEVER = float("-inf")


@dataclass
class _Kept:
    """A warm model, and until when it is believed to exist without asking the database."""

    warm: Warm
    believed_until: float
    base: _Key | None


class Predictors:
    """Warm models by project and id, at most ``most_bytes`` of them. Children share the trunk of their base.

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
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._loading: dict[_Key, asyncio.Task[Warm]] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the models kept now."""
        return sum(kept.warm.nbytes for kept in self._kept.values())

    async def get(self, project_id: str, model_id: str) -> Predictor:
        """The model's predictor, loaded if need be; requests for the same cold model share one load.

        Raises:
            NotFound: no such model in this project.
            ApiError: ``not-adapted`` for a meta-model; ``model-corrupt`` when the file is absent, altered or
                unreadable; ``busy`` when too many models are being loaded.
        """
        predictor = (await self._warm(project_id, model_id)).predictor
        if predictor is None:
            detail = (
                "expected a model that answers, found a meta-model, which answers once it is adapted to a task: "
                "POST some of the task's labelled rows to …/adaptations"
            )
            raise ApiError("not-adapted", detail)
        return predictor

    async def adaptable(self, project_id: str, model_id: str) -> Warm:
        """The model, with what adapts it made.

        Raises:
            NotFound, ApiError: as `get`, but that a meta-model is welcome; ``not-adaptable``.
        """
        warm = await self._warm(project_id, model_id)
        if not warm.is_ready:
            try:
                await run_sync(warm.adapter)
            except ModelFileInvalid as error:
                raise corrupt() from error
            except LearningError as error:
                raise ApiError(error.code, error.detail) from None
            self._make_room(0)
        return warm

    def forget(self, project_id: str, model_id: str) -> None:
        """Drop a deleted model at once."""
        self._kept.pop((project_id, model_id), None)

    async def _warm(self, project_id: str, model_id: str) -> Warm:
        key = (project_id, model_id)
        kept = self._kept.get(key)
        if kept is not None:
            self._touch(key, kept)
            if time.monotonic() >= kept.believed_until:
                await self._believe_again(key, kept)
            return kept.warm
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key))
            task.add_done_callback(lambda done: self._loaded(key, done))
        # shielded: a client that goes away must not end the load for the others
        return await asyncio.shield(task)

    def _touch(self, key: _Key, kept: _Kept) -> None:
        self._kept.move_to_end(key)
        if kept.base is not None and kept.base in self._kept:  # a base goes after its children, who hold its weights
            self._kept.move_to_end(kept.base)

    def _loaded(self, key: _Key, done: asyncio.Task[Warm]) -> None:
        del self._loading[key]
        if not done.cancelled():
            done.exception()  # seen, even when every client that waited for it has gone away

    async def _believe_again(self, key: _Key, kept: _Kept) -> None:
        try:
            location = await run_sync(self._locate, *key)
        except Exception:
            self._kept.pop(key, None)
            raise
        kept.believed_until = self._belief(location)

    def _belief(self, location: Location) -> float:
        left = location.seconds_left
        return time.monotonic() + (self._trust_seconds if left is None else min(self._trust_seconds, left))

    async def _load(self, key: _Key) -> Warm:
        location = await run_sync(self._locate, *key)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise ApiError("busy", "expected a free place to load the model, found all taken") from None
        try:
            if location.base is None:
                return await self._open(key, location, believed_until=self._belief(location))
            base_key = (key[0], location.base.id)
            held = self._kept.get(base_key)
            if held is not None:
                self._touch(base_key, held)
            # it carries its children even where it is deleted, so nobody is told of it for this
            base = held.warm if held else await self._open(base_key, location.base, believed_until=_NEVER)
            return await self._open(key, location, believed_until=self._belief(location), base=(base_key, base))
        finally:
            self._places.release()

    async def _open(
        self, key: _Key, location: Location, *, believed_until: float, base: tuple[_Key, Warm] | None = None
    ) -> Warm:
        # room first: what is kept and what is being loaded stay within the bound together
        self._make_room(location.bytes)
        warm = await (run_sync(open_whole, location) if base is None else run_sync(open_child, location, base[1]))
        self._make_room(warm.nbytes)
        # a child without its base in the cache would hold weights that nobody counts
        if warm.nbytes <= self._most_bytes and (base is None or base[0] in self._kept):
            self._kept[key] = _Kept(warm, believed_until, None if base is None else base[0])
            if base is not None:
                self._kept.move_to_end(base[0])
        return warm

    def _make_room(self, nbytes: int) -> None:
        while self._kept and self.nbytes + nbytes > self._most_bytes:
            self._kept.popitem(last=False)
