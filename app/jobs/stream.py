"""Following a job: answers that wait for a change, and its events as a list or a stream."""

from collections.abc import AsyncIterator
from time import monotonic

import orjson
from anyio.to_thread import run_sync

from app.errors import ApiError, shorten
from app.jobs import service
from app.jobs.schemas import Event, EventQuery, Job
from app.pages import Page
from app.parts import Parts
from store.keys import Principal

BATCH = 500
"""Most events read from the database at once."""
MOST_EVENTS = 2**31 - 1
"""No event has a larger number: the query parameter ``after`` ends there too."""


async def awaited(parts: Parts, who: Principal, job_id: str, *, seconds: float) -> Job:
    """The job now when it has ended or ``seconds`` is 0, else at its next change or after ``seconds``."""
    job, newest = await run_sync(service.get_with_version, parts, who, job_id)
    if seconds <= 0 or job.finished_at is not None:
        return job
    await parts.watch.change(job_id, seen=newest, seconds=seconds)
    return (await run_sync(service.get_with_version, parts, who, job_id))[0]


async def listed(parts: Parts, who: Principal, job_id: str, query: EventQuery) -> Page[Event]:
    """A page of the job's events, oldest first."""
    return await run_sync(service.events, parts, who, job_id, query)


def last_event_id(header: str | None, *, default: int) -> int:
    """The number from which a stream goes on."""
    if header is None:
        return default
    if not (header.isascii() and header.isdigit() and len(header) <= 10 and int(header) <= MOST_EVENTS):
        raise ApiError(
            "invalid-cursor", f"expected Last-Event-ID to be the number of an event, found {shorten(header)!r}"
        )
    return int(header)


async def events(parts: Parts, who: Principal, job_id: str, *, after: int) -> AsyncIterator[bytes]:
    """The job's events after number ``after`` as server-sent events, until it ends. Fails now if there is no such job."""
    await run_sync(service.get_with_version, parts, who, job_id)
    return _stream(parts, who, job_id, after)


async def _stream(parts: Parts, who: Principal, job_id: str, seen: int) -> AsyncIterator[bytes]:
    while True:
        # the job first: a job that had ended here has no event that the page after it would lack
        job, newest = await run_sync(service.get_with_version, parts, who, job_id)
        page = await run_sync(service.events, parts, who, job_id, EventQuery(after=seen, limit=BATCH))
        for event in page.data:
            yield _sent(event)
            seen = event.id
        if page.has_more:
            continue
        if job.finished_at is not None:
            yield b"event: end\ndata: {}\n\n"
            return
        if parts.watch.closed:
            return
        began = monotonic()
        await parts.watch.change(job_id, seen=max(seen, newest), seconds=parts.settings.ping_seconds)
        if monotonic() - began >= parts.settings.ping_seconds:
            yield b": ping\n\n"


def _sent(event: Event) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.type.encode(), orjson.dumps(event.data))
