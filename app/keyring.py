"""Who is asking: bearer keys, believed for two seconds after the database has accepted them."""

import hashlib
import time
from collections import OrderedDict

from anyio.to_thread import run_sync

from app.errors import ApiError
from store import keys
from store.keys import Principal
from store.session import Database

REMEMBERED = 4096
"""Most keys that are remembered at once."""


class Keyring:
    """Answers for a key without the database while its last acceptance is fresh, so revoking works within that time."""

    def __init__(self, database: Database, *, trust_seconds: float) -> None:
        self._database = database
        self._trust_seconds = trust_seconds
        self._known: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, authorization: list[str]) -> Principal:
        """Who sent these ``Authorization`` headers.

        Raises:
            ApiError: ``unauthorized``, in the same words for an absent, malformed, unknown and revoked key.
        """
        scheme, _, secret = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not secret:
            raise _refused()
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        known = self._known.get(digest)
        if known is not None and time.monotonic() - known[0] < self._trust_seconds:
            return known[1]
        principal = await run_sync(self._authenticate, secret.strip())
        if principal is None:
            self._known.pop(digest, None)
            raise _refused()
        self._known[digest] = (time.monotonic(), principal)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def _authenticate(self, secret: str) -> Principal | None:
        with self._database.reading() as session:
            return keys.authenticate(session, secret)


def _refused() -> ApiError:
    return ApiError("unauthorized", "expected the header 'Authorization: Bearer tg_…' with a valid key, found none")
