"""An upload, from the first byte to the row: nothing is visible before it is whole, and what breaks leaves nothing."""

import re
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
    "application/zip": "zip",
}
OPTIONS = {
    "delimiter": ("text/csv", "application/zip"),  # of the labels.csv in it
    "decimal": ("text/csv", "application/zip"),
    "nulls": ("text/csv", "application/zip"),
    "image_size": ("application/zip",),
}
"""What only some media types have use for."""
IMAGE_SIZE = re.compile(r"([0-9]{1,5})(?:x([0-9]{1,5}))?")


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
        ApiError: an option that belongs to another media type, types that are not ``name:type`` pairs, or a size of
            pictures that is none.
    """
    given = query.model_dump(include=set(OPTIONS), exclude_none=True)
    for name in given:
        if media_type not in OPTIONS[name]:
            known = " and ".join(OPTIONS[name])
            raise bad_parameter(name, "unknown-parameter", f"expected {name} with {known} only, found {media_type}")
    types: dict[str, str] = {}
    for pair in filter(None, (query.types or "").split(",")):
        name, colon, kind = pair.rpartition(":")
        if not colon or not name:
            raise bad_parameter("types", "wrong-type", f"expected name:type,name:type; found {shorten(pair)!r}")
        types[name] = kind
    if query.nulls is not None:
        given["nulls"] = tuple(query.nulls.split(","))
    if query.image_size is not None:
        given["image_size"] = _height_and_width(query.image_size)
    return IngestOptions(**given, types=types)


def _height_and_width(text: str) -> tuple[int, int]:
    """``28`` is square, ``32x24`` is 32 wide and 24 high."""
    found = IMAGE_SIZE.fullmatch(text)
    if found is None:
        detail = f"expected pixels as in 28, or width and height as in 32x24, found {shorten(text)!r}"
        raise bad_parameter("image_size", "wrong-type", detail)
    width, height = found.groups()
    return int(height or width), int(width)
