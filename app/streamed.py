"""A file as the raw body of a request: streamed to staging under its idempotency key; what breaks leaves nothing."""

import asyncio
import errno
import hashlib
import unicodedata
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.requests import Request

from app import bodies
from app.errors import ApiError, first_problem
from app.parts import Parts
from store import idempotency
from store.artifacts import Stored
from store.errors import DatabaseBusy
from store.idempotency import Answer, Reservation
from store.keys import Principal

NAME_BYTES = 256
BUFFER_BYTES = 1 << 20
UNSEEN = ("Cc", "Cs", "Zl", "Zp")
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder what is shown


@dataclass(frozen=True)
class Streamed:
    """A body that has arrived whole. ``reserved``: its key, or the answer that the key already has."""

    path: Path
    received: Stored
    reserved: Reservation | Answer | None


@asynccontextmanager
async def streamed(
    parts: Parts, who: Principal, request: Request, *, route: str, key: str | None
) -> AsyncIterator[Streamed]:
    """The body as a file in staging, gone when the block ends. The key is held all the while, and freed by a failure.

    Raises:
        ApiError: the body is too large or too slow; the disk is full.
    """
    reserved = await run_sync(_reserve, parts, who, route, key) if key else None
    path = parts.artifacts.stage()
    renewing = asyncio.create_task(_renew(parts, reserved)) if isinstance(reserved, Reservation) else None
    try:
        yield Streamed(path, await _receive(parts, request, path), reserved)
    except BaseException as error:
        if isinstance(reserved, Reservation):
            await run_sync(_free, parts, reserved)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise ApiError("storage-full", "expected room for the file, found the disk full") from error
        raise
    finally:
        if renewing is not None:
            renewing.cancel()
        path.unlink(missing_ok=True)


async def _receive(parts: Parts, request: Request, source: Path) -> Stored:
    """Write the body to ``source``, hashed on the way; the event loop does no disk work."""
    limits = parts.settings
    digest, count, buffer = hashlib.sha256(), 0, bytearray()
    stream = bodies.chunks(
        request,
        most_bytes=limits.upload_bytes,
        idle_seconds=limits.body_idle_seconds,
        seconds=limits.upload_seconds,
        too_large="upload-too-large",
    )

    def flush(file: BinaryIO) -> None:
        digest.update(buffer)
        file.write(buffer)
        buffer.clear()

    with source.open("xb") as file:
        async with aclosing(stream):
            async for chunk in stream:
                buffer += chunk
                count += len(chunk)
                if len(buffer) >= BUFFER_BYTES:
                    await run_sync(flush, file)
        await run_sync(flush, file)
    return Stored(digest.hexdigest(), count)


def _reserve(parts: Parts, who: Principal, route: str, key: str) -> Reservation | Answer:
    """In a transaction of its own: nobody may hold one while a client sends its file."""
    request = idempotency.Request(who.project_id, "POST", route, key)
    with parts.database.transaction() as session:
        return idempotency.reserve(session, request, now=parts.database.now(session), fingerprint=None)


async def _renew(parts: Parts, reserved: Reservation) -> None:
    """Hold the key for as long as the upload takes; if this process dies, the key is free soon after."""

    def once() -> bool:
        try:
            with parts.database.transaction() as session:
                return idempotency.renew(session, reserved, now=parts.database.now(session))
        except DatabaseBusy:
            return True  # to be tried again: the key outlasts several tries

    held = True
    while held:
        await asyncio.sleep(parts.settings.renew_key_seconds)
        held = await run_sync(once)


def _free(parts: Parts, reserved: Reservation) -> None:
    with parts.database.transaction() as session:
        idempotency.cancel(session, reserved)


def clean_name(name: str | None) -> str | None:
    """The name in NFC, without characters that hide or reorder others.

    Raises:
        ApiError: ``invalid-name``.
    """
    if name is None:
        return None
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name.encode()) <= NAME_BYTES:
        raise bad_parameter(
            "name", "invalid-name", f"expected a name of 1 to {NAME_BYTES} bytes, found {len(name.encode())}"
        )
    if any(unicodedata.category(letter) in UNSEEN or letter in TURNING for letter in name):
        raise bad_parameter("name", "invalid-name", "expected a name without control characters, found one")
    return name


def bad_parameter(parameter: str, code: str, detail: str) -> ApiError:
    """What is wrong with a parameter of the query."""
    return first_problem([{"location": f"query/{parameter}", "code": code, "detail": detail}])
