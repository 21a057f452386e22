"""An upload, from the first byte to the row: nothing is visible before it is whole, and what breaks leaves nothing."""

import asyncio
import errno
import hashlib
import unicodedata
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio.to_thread import run_sync
from starlette.requests import Request

from app import bodies
from app.datasets.schemas import UploadQuery, show
from app.errors import ApiError, first_problem, shorten
from app.parts import Parts
from app.replies import Reply, fingerprint, keep, recall
from store import datasets, idempotency
from store.artifacts import Stored
from store.errors import DatabaseBusy
from store.idempotency import Answer, Reservation
from store.ids import new_id
from store.ingest import CHARSETS, Description, IngestOptions
from store.keys import Principal

ROUTE = "/v1/datasets"
FORMATS = {
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
    "application/x-ndjson": "ndjson",
    "application/json": "json",
}
NAME_BYTES = 256
BUFFER_BYTES = 1 << 20
UNSEEN = ("Cc", "Cs", "Zl", "Zp")
TURNING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder what is shown


@dataclass(frozen=True)
class _New:
    """A dataset that is decoded and checked, but not yet visible."""

    name: str | None
    format: str
    received: Stored
    description: Description


async def receive(parts: Parts, who: Principal, request: Request, query: UploadQuery, key: str | None) -> Reply:
    """Stream the body to staging, decode it, publish it, and record it: in this order.

    Raises:
        ApiError: the request is malformed, too large or too slow; the disk is full.
        IngestError: the file cannot become a dataset.
    """
    declared = bodies.media_type(request, FORMATS, charsets={"text/csv": CHARSETS})
    name, options = clean_name(query.name), read_options(query, declared.type)
    reserved = await run_sync(_reserve, parts, who, key) if key else None
    source, target = parts.artifacts.stage(), parts.artifacts.stage()
    renewing = asyncio.create_task(_renew(parts, reserved)) if isinstance(reserved, Reservation) else None
    try:
        received = await _receive(parts, request, source)
        mark = fingerprint(query.model_dump(), declared.type, declared.charset, received.sha256)
        if isinstance(reserved, Answer):
            reserved.check(mark)
            return recall(reserved)
        description = await run_sync(
            lambda: parts.ingest.run(
                source, media_type=f"{declared.type}; charset={declared.charset}", options=options, target=target
            ),
            limiter=parts.ingest_places,
        )
        new = _New(name, FORMATS[declared.type], received, description)
        return await run_sync(_record, parts, who, new, target, reserved, mark)
    except BaseException as error:
        if isinstance(reserved, Reservation):
            await run_sync(_free, parts, reserved)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise ApiError("storage-full", "expected room for the file, found the disk full") from error
        raise
    finally:
        if renewing is not None:
            renewing.cancel()
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


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


def _record(parts: Parts, who: Principal, new: _New, target: Path, reserved: Reservation | None, mark: str) -> Reply:
    artifact = parts.artifacts.publish(target)
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        dataset = datasets.add(
            session,
            who.project_id,
            now=now,
            id=new_id("dataset"),
            name=new.name,
            format=new.format,
            bytes=new.received.bytes,
            sha256=new.received.sha256,
            artifact=artifact.sha256,
            description=new.description,
        )
        reply = Reply(201, show(dataset).model_dump_json(), {"Location": f"{ROUTE}/{dataset.id}"})
        keep(session, reserved, reply, now=now, mark=mark)
    return reply


def _reserve(parts: Parts, who: Principal, key: str) -> Reservation | Answer:
    """In a transaction of its own: nobody may hold one while a client sends its file."""
    request = idempotency.Request(who.project_id, "POST", ROUTE, key)
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
        raise _bad("name", "invalid-name", f"expected a name of 1 to {NAME_BYTES} bytes, found {len(name.encode())}")
    if any(unicodedata.category(letter) in UNSEEN or letter in TURNING for letter in name):
        raise _bad("name", "invalid-name", "expected a name without control characters, found one")
    return name


def read_options(query: UploadQuery, media_type: str) -> IngestOptions:
    """How the file is written, from the query.

    Raises:
        ApiError: an option for CSV with another media type, or types that are not ``name:type`` pairs.
    """
    given = query.model_dump(include={"delimiter", "decimal", "nulls"}, exclude_none=True)
    if given and media_type != "text/csv":
        name = next(iter(given))
        raise _bad(name, "unknown-parameter", f"expected {name} with text/csv only, found {media_type}")
    types: dict[str, str] = {}
    for pair in filter(None, (query.types or "").split(",")):
        name, colon, kind = pair.rpartition(":")
        if not colon or not name:
            raise _bad("types", "wrong-type", f"expected name:type,name:type; found {shorten(pair)!r}")
        types[name] = kind
    if query.nulls is not None:
        given["nulls"] = tuple(query.nulls.split(","))
    return IngestOptions(**given, types=types)


def _bad(parameter: str, code: str, detail: str) -> ApiError:
    return first_problem([{"location": f"query/{parameter}", "code": code, "detail": detail}])
