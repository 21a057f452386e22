"""What aliases point to, without the database for a moment: the hot path asks for one with every prediction."""

import time

from anyio.to_thread import run_sync

from store import aliases
from store.errors import InvalidName, NotFound
from store.ids import is_id
from store.names import alias_name
from store.session import Database

REMEMBERED = 4096
"""Most aliases that are remembered at once."""


class Pointers:
    """Resolves aliases, each believed for ``trust_seconds`` after the database told it; a move made here is seen at once."""

    def __init__(self, database: Database, *, trust_seconds: float) -> None:
        self._database = database
        self._trust_seconds = trust_seconds
        self._known: dict[tuple[str, str], tuple[float, str]] = {}
        self._forgotten = 0

    async def model(self, project_id: str, reference: str) -> str:
        """The id of the model that ``reference`` names by id or by alias. Raises NotFound for an unknown alias."""
        if is_id(reference, "model"):
            return reference
        key = (project_id, _name(reference))
        known = self._known.get(key)
        if known is not None and time.monotonic() - known[0] < self._trust_seconds:
            return known[1]
        forgotten, asked = self._forgotten, time.monotonic()
        model_id = await run_sync(self._resolve, *key)
        self._known.pop(key, None)
        if forgotten == self._forgotten:  # else what was read may be older than a move
            self._known[key] = (asked, model_id)
            if len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)), None)
        return model_id

    def forget(self, project_id: str, reference: str) -> None:
        """Believe nothing of an alias that has moved. Called from threads, after the move is stored."""
        self._forgotten += 1
        self._known.pop((project_id, _name(reference)), None)

    def _resolve(self, project_id: str, name: str) -> str:
        with self._database.reading() as session:
            return aliases.resolve(session, project_id, name)


def _name(reference: str) -> str:
    try:
        return alias_name(reference)
    except InvalidName:
        raise NotFound("model", reference) from None
