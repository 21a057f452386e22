"""An upload, from the first byte to the row: nothing is visible before it is whole, and what breaks leaves nothing."""

from dataclasses import dataclass
from pathlib import Path

from anyio.to_thread import run_sync
from starlette.requests import Request

from app import bodies
from app.datasets.schemas import UploadQuery, show
from app.errors import shorten
from app.parts import Parts
from app.replies import Reply, fingerprint, keep, recall
from app.streamed import bad_parameter, clean_name, streamed
from store import datasets
from store.artifacts import Stored
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
    target = parts.artifacts.stage()
    try:
        async with streamed(parts, who, request, route=ROUTE, key=key) as upload:
            mark = fingerprint(query.model_dump(), declared.type, declared.charset, upload.received.sha256)
            if isinstance(upload.reserved, Answer):
                upload.reserved.check(mark)
                return recall(upload.reserved)
            description = await run_sync(
                lambda: parts.ingest.run(
                    upload.path,
                    media_type=f"{declared.type}; charset={declared.charset}",
                    options=options,
                    target=target,
                ),
                limiter=parts.ingest_places,
            )
            new = _New(name, FORMATS[declared.type], upload.received, description)
            return await run_sync(_record, parts, who, new, target, upload.reserved, mark)
    finally:
        target.unlink(missing_ok=True)


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


def read_options(query: UploadQuery, media_type: str) -> IngestOptions:
    """How the file is written, from the query.

    Raises:
        ApiError: an option for CSV with another media type, or types that are not ``name:type`` pairs.
    """
    given = query.model_dump(include={"delimiter", "decimal", "nulls"}, exclude_none=True)
    if given and media_type != "text/csv":
        name = next(iter(given))
        raise bad_parameter(name, "unknown-parameter", f"expected {name} with text/csv only, found {media_type}")
    types: dict[str, str] = {}
    for pair in filter(None, (query.types or "").split(",")):
        name, colon, kind = pair.rpartition(":")
        if not colon or not name:
            raise bad_parameter("types", "wrong-type", f"expected name:type,name:type; found {shorten(pair)!r}")
        types[name] = kind
    if query.nulls is not None:
        given["nulls"] = tuple(query.nulls.split(","))
    return IngestOptions(**given, types=types)
