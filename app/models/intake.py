"""A model of another installation, from the first byte to the row: nothing is visible before it is whole and sound."""

from collections.abc import Mapping
from typing import Any

from anyio.to_thread import run_sync
from pydantic import ValidationError
from starlette.requests import Request

from app import bodies
from app.errors import ApiError, first_problem
from app.models.examiner import examine
from app.models.schemas import ImportQuery
from app.models.service import check_shown, show
from app.parts import Parts
from app.replies import Reply, fingerprint, keep, recall
from app.streamed import Streamed, clean_name, streamed
from learning.model import ModelFileInvalid
from store import models
from store.idempotency import Answer
from store.ids import new_id
from store.keys import Principal

ROUTE = "/v1/models"
MEDIA_TYPE = "application/octet-stream"
"""What the artifact of a model is sent as."""


async def receive(parts: Parts, who: Principal, request: Request, query: ImportQuery, key: str | None) -> Reply:
    """Stream the file to staging, have it read, publish it, and record it: in this order.

    Raises:
        ApiError: the request is malformed, too large or too slow; ``model-invalid``; the disk is full.
    """
    bodies.media_type(request, (MEDIA_TYPE,))
    name = clean_name(query.name)
    async with streamed(parts, who, request, route=ROUTE, key=key) as upload:
        mark = fingerprint(query.model_dump(), upload.received.sha256)
        if isinstance(upload.reserved, Answer):
            upload.reserved.check(mark)
            return recall(upload.reserved)
        try:
            told = await run_sync(examine, upload.path, limiter=parts.ingest_places)
        except ModelFileInvalid as error:
            raise _invalid(error.detail) from None
        own, header = _checked(told)
        return await run_sync(_record, parts, who, upload, name or own, header, mark)


def _checked(told: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The model's own name and what is shown of it, when it can be."""
    # of the rows that it was judged on nothing is known here
    tasks = [{**task, "metrics": {}} for task in told["tasks"]]
    header = {key: value for key, value in told.items() if key != "name"} | {"tasks": tasks}
    try:
        check_shown(header)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part)[:64] for part in first["loc"])
        raise _invalid(f"expected tasks and inputs that can be shown, found at {where}: {first['msg']}") from None
    try:
        return clean_name(told["name"]), header
    except ApiError as error:
        raise _invalid(f"{error.detail} in the header") from None


def _record(
    parts: Parts, who: Principal, upload: Streamed, name: str | None, header: Mapping[str, Any], mark: str
) -> Reply:
    artifact = parts.artifacts.publish(upload.path)
    with parts.database.transaction() as session:
        now = parts.database.now(session)
        model = models.add(
            session,
            who.project_id,
            now=now,
            id=new_id("model"),
            name=name,
            kind=header["kind"],
            job_id=None,
            header=header,
            artifact=artifact.sha256,
            bytes=artifact.bytes,
        )
        reply = Reply(201, show(model).model_dump_json(), {"Location": f"{ROUTE}/{model.id}"})
        keep(session, upload.reserved, reply, now=now, mark=mark)
    return reply


def _invalid(detail: str) -> ApiError:
    return first_problem([{"location": "body", "code": "model-invalid", "detail": detail}])
