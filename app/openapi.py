"""What the framework cannot see for itself in the OpenAPI document: hand-read bodies, problems, the job spec."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from app.pages import Closed

REFERENCE = "#/components/schemas/{model}"


class ProblemEntry(BaseModel):
    """One thing that is wrong, and where: a JSON pointer into the body, or another place of the request."""

    pointer: str | None = Field(default=None, description="Into a JSON body.")
    location: str | None = Field(default=None, description="`body`, `query/…`, `header/…` or `path/…`.")
    code: str
    detail: str
    row: int | None = Field(default=None, description="Of the file, counted from 1 without its header.")
    column: str | None = Field(default=None, description="Of the file, at most 64 characters of its name.")
    offset: int | None = Field(default=None, description="In a JSON body, in characters from 0.")
    byte_offset: int | None = Field(default=None, description="In the file, from 0.")
    limit: float | None = Field(default=None, description="What is allowed at most.")
    actual: str | float | None = Field(default=None, description="What was found.")


class ProblemDocument(Closed):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(description="Stable; decide on this.")
    request_id: str
    retryable: bool
    errors: list[ProblemEntry]


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem answers that an endpoint declares, beside those of every endpoint."""
    return {
        status: {
            "description": "A problem document",
            "content": {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="ProblemDocument")}}},
        }
        for status in sorted(statuses)
    }


def anything_else() -> dict[int | str, dict[str, Any]]:
    """What every endpoint may answer beside what it declares: a problem document."""
    return {"default": answers(0)[0]}


def json_body(schema: type[BaseModel] | str, *, required: bool = True) -> dict[str, Any]:
    """The declaration of a JSON body that the endpoint reads by hand."""
    name = schema if isinstance(schema, str) else schema.__name__
    return {
        "requestBody": {
            "required": required,
            "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model=name)}}},
        }
    }


def install(app: FastAPI, *, bodies: tuple[type[BaseModel], ...], schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Make ``app.openapi()`` complete. ``schemas`` are further JSON schemas by name, with their ``$defs`` inside."""

    problem: type[BaseModel] = ProblemDocument

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            components = made.setdefault("components", {}).setdefault("schemas", {})
            own = {model.__name__: model.model_json_schema(ref_template=REFERENCE) for model in (*bodies, problem)}
            for name, schema in {**own, **schemas}.items():
                components.update(schema.get("$defs", {}))
                components[name] = {key: value for key, value in schema.items() if key != "$defs"}
            # the framework's own shape of a 422 is never sent
            components.pop("HTTPValidationError", None)
            components.pop("ValidationError", None)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # the documented way to replace it
