"""Datasets: `POST/GET /v1/datasets`, `GET/DELETE /v1/datasets/{id}`, `GET …/rows`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.datasets import service
from app.datasets.schemas import Dataset, DatasetQuery, RowsQuery, UploadQuery
from app.datasets.upload import receive
from app.deps import NO_QUERY, Held, IdempotencyKey, Who
from app.openapi import REFERENCE, answers
from app.pages import Page

router = APIRouter(prefix="/datasets", tags=["datasets"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "description": "The file itself, as the raw body.",
        "content": {
            "text/csv": _BINARY,
            "application/vnd.apache.parquet": _BINARY,
            "application/x-ndjson": _BINARY,
            "application/zip": _BINARY,
            "application/json": {"schema": {"$ref": REFERENCE.format(model="Columns")}},
        },
    }
}


@router.post(
    "", status_code=201, response_model=Dataset, responses=answers(400, 408, 409, 413, 415, 422), openapi_extra=_UPLOAD
)
async def upload(
    request: Request, query: Annotated[UploadQuery, Query()], held: Held, who: Who, key: IdempotencyKey
) -> Any:
    """Store a table, or a zip archive of images. It is read and checked before the answer; a dataset is whole or absent."""
    return (await receive(held, who, request, query, key)).response()


@router.get("")
def list_datasets(query: Annotated[DatasetQuery, Query()], held: Held, who: Who) -> Page[Dataset]:
    """The project's datasets, newest first."""
    return service.page(held, who, query)


@router.get("/{dataset_id}", responses=answers(404), dependencies=[NO_QUERY])
def show(dataset_id: str, held: Held, who: Who) -> Dataset:
    """One dataset with its columns and warnings."""
    return service.get(held, who, dataset_id)


@router.get("/{dataset_id}/rows", responses=answers(404))
def rows(dataset_id: str, query: Annotated[RowsQuery, Query()], held: Held, who: Who) -> Page[dict[str, Any]]:
    """The first rows, in their order; `has_more` says whether there are others. The whole is what was uploaded."""
    return service.rows(held, who, dataset_id, query)


@router.delete("/{dataset_id}", status_code=204, responses=answers(404, 409), dependencies=[NO_QUERY])
def delete(dataset_id: str, held: Held, who: Who) -> Response:
    """Delete a dataset that no unfinished job needs. Its hash and what came from it stay on record."""
    service.delete(held, who, dataset_id)
    return Response(status_code=204)
