"""Jobs: submit, list, show (and wait), events, series, task results, cancel, retry, replay."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from app.deps import NO_QUERY, Body, Held, IdempotencyKey, OptionalBody, Who
from app.jobs import again, service, stream
from app.jobs.schemas import (
    DryRun,
    Event,
    EventQuery,
    Job,
    JobQuery,
    MetricPoint,
    MetricQuery,
    SubmitQuery,
    TaskQuery,
    WaitQuery,
)  # fmt: skip
from app.openapi import answers, json_body
from app.pages import Page

router = APIRouter(prefix="/jobs", tags=["jobs"])


@router.post(
    "",
    status_code=202,
    response_model=Job,
    responses={200: {"model": DryRun, "description": "The answer to a dry run."}, **answers(400, 409, 413, 415, 422)},
    openapi_extra=json_body("JobSpec"),
)
def submit(
    body: Body,
    held: Held,
    who: Who,
    key: IdempotencyKey,
    query: Annotated[SubmitQuery, Query()],
) -> Any:
    """Ask for a training. A 202 means that it is stored and will reach exactly one end."""
    if query.dry_run:
        return Response(service.check(held, who, body).model_dump_json(), media_type="application/json")
    return service.submit(held, who, body, key).response()


@router.get(
    "",
    openapi_extra={
        "parameters": [
            {
                "name": "metadata",
                "in": "query",
                "required": False,
                "style": "deepObject",
                "explode": True,
                "description": "Only jobs with this metadata, at most 16 entries: `metadata[key]=value`.",
                "schema": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        ]
    },
)
def list_jobs(query: Annotated[JobQuery, Query()], held: Held, who: Who) -> Page[Job]:
    """The project's jobs, newest first."""
    return service.page(held, who, query)


@router.get("/{job_id}", responses=answers(404))
async def show(job_id: str, query: Annotated[WaitQuery, Query()], held: Held, who: Who, response: Response) -> Job:
    """One job: now, or with `wait` at its next change."""
    job = await stream.awaited(held, who, job_id, seconds=query.wait)
    if job.finished_at is None:
        response.headers["Retry-After"] = "1"
    return job


@router.get(
    "/{job_id}/events",
    response_model=Page[Event],
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, **answers(404)},
)
async def events(
    request: Request,
    job_id: str,
    query: Annotated[EventQuery, Query()],
    held: Held,
    who: Who,
    last: Annotated[
        str | None, Header(alias="Last-Event-ID", description="Of a stream: the last event seen, instead of `after`.")
    ] = None,
) -> Any:
    """What happened, oldest first; with `Accept: text/event-stream` as a stream that `Last-Event-ID` resumes."""
    if "text/event-stream" not in request.headers.get("accept", ""):
        return await stream.listed(held, who, job_id, query)
    after = stream.last_event_id(last, default=query.after)
    content = await stream.events(held, who, job_id, after=after)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(content, media_type="text/event-stream", headers=headers)


@router.get("/{job_id}/metrics", responses=answers(404))
def metrics(job_id: str, query: Annotated[MetricQuery, Query()], held: Held, who: Who) -> Page[MetricPoint]:
    """The job's series, by name, task and step, a page at a time."""
    return service.metrics(held, who, job_id, query)


@router.get("/{job_id}/tasks", responses=answers(404))
def tasks(job_id: str, query: Annotated[TaskQuery, Query()], held: Held, who: Who) -> Page[dict[str, Any]]:
    """The result of each task, in the order of the job's tasks."""
    return service.tasks(held, who, job_id, query)


@router.post(
    "/{job_id}/cancel",
    response_model=Job,
    responses={202: {"model": Job, "description": "The worker will stop."}, **answers(404, 409)},
    openapi_extra=json_body("Cancel", required=False),
    dependencies=[NO_QUERY],
)
def cancel(job_id: str, body: OptionalBody, held: Held, who: Who, response: Response) -> Any:
    """Stop the job: at once when it is queued, else within seconds. Repeatable until the job has ended."""
    job = service.cancel(held, who, job_id, body)
    if job.status == "cancelling":
        response.status_code = 202
        response.headers["Retry-After"] = "1"
    return job


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=Job,
    responses=answers(404, 409, 422),
    dependencies=[NO_QUERY],
)
def retry(job_id: str, body: OptionalBody, held: Held, who: Who, key: IdempotencyKey) -> Any:
    """Do an ended job again, whatever its end was: a new job of the same spec, on the same datasets."""
    return again.retry(held, who, job_id, body, key).response()


@router.post(
    "/{job_id}/replay",
    status_code=202,
    response_model=Job,
    responses=answers(404, 409, 422),
    dependencies=[NO_QUERY],
)
def replay(job_id: str, body: OptionalBody, held: Held, who: Who, key: IdempotencyKey) -> Any:
    """Train again what a job trained, and tell whether the same model comes out: a new job of kind `replay`."""
    return again.replay(held, who, job_id, body, key).response()
