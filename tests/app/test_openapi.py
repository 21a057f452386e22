"""What is served is described, and nothing else."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.app.tenant import Tenant

PATHS = {
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/v1/datasets": {"get", "post"},
    "/v1/datasets/{dataset_id}": {"get", "delete"},
    "/v1/datasets/{dataset_id}/rows": {"get"},
    "/v1/jobs": {"get", "post"},
    "/v1/jobs/{job_id}": {"get"},
    "/v1/jobs/{job_id}/events": {"get"},
    "/v1/jobs/{job_id}/metrics": {"get"},
    "/v1/jobs/{job_id}/tasks": {"get"},
    "/v1/jobs/{job_id}/cancel": {"post"},
    "/v1/jobs/{job_id}/retry": {"post"},
    "/v1/jobs/{job_id}/replay": {"post"},
    "/v1/methods": {"get"},
    "/v1/aliases": {"get"},
    "/v1/aliases/{name}": {"get", "put", "delete"},
    "/v1/aliases/{name}/rollback": {"post"},
    "/v1/models": {"get", "post"},
    "/v1/models/{model_id}": {"get", "delete"},
    "/v1/models/{model_id}/tasks": {"get"},
    "/v1/models/{model_id}/lineage": {"get"},
    "/v1/models/{model_id}/card": {"get"},
    "/v1/models/{model_id}/adaptations": {"post"},
    "/v1/models/{model_id}/artifact": {"get"},
    "/v1/models/{model_id}/predictions": {"get", "post"},
}


@pytest.fixture(scope="module")
def document(anonymous: httpx.Client) -> dict[str, Any]:
    return dict(anonymous.get("/openapi.json").json())


def everything(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from everything(inner)


def test_exactly_what_is_built_is_described(document):
    assert {path: set(methods) for path, methods in document["paths"].items()} == PATHS


def test_every_reference_leads_somewhere(document):
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    references = {found["$ref"] for found in everything(document) if isinstance(found.get("$ref"), str)}

    assert references
    assert references <= known


def test_every_operation_answers_with_problem_documents(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            problems = {
                status
                for status, answer in operation["responses"].items()
                if "application/problem+json" in answer.get("content", {})
            }
            assert problems or path == "/healthz"
            assert "HTTPValidationError" not in str(operation)


def answered(document: dict[str, Any]) -> set[str]:
    """The names of all schemas that an answer refers to, and those to which these refer."""
    schemas, found = document["components"]["schemas"], set[str]()
    answers = [operation["responses"] for methods in document["paths"].values() for operation in methods.values()]
    waiting: list[Any] = answers
    while waiting:
        named = {str(one["$ref"]).rsplit("/", 1)[1] for one in everything(waiting.pop()) if "$ref" in one}
        waiting += [schemas[name] for name in named - found]
        found |= named
    return found


def test_answers_are_closed_and_leave_nothing_out(document):
    names = answered(document)
    assert {"Job", "Progress", "DryRun", "Model", "AdaptedMany", "Edge", "ModelCard", "ProblemDocument"} <= names
    for name in names - {"ProblemEntry"}:  # of which each says what it knows
        schema = document["components"]["schemas"][name]
        assert schema["additionalProperties"] is False, name
        assert set(schema["required"]) == set(schema["properties"]), name


def test_what_the_framework_cannot_see_is_declared(document):
    def parameters(path: str) -> dict[str, str]:
        return {one["name"]: one["in"] for one in document["paths"][path]["get"]["parameters"]}

    assert parameters("/v1/jobs")["metadata"] == "query"
    assert parameters("/v1/jobs/{job_id}/events")["Last-Event-ID"] == "header"
    assert parameters("/v1/models/{model_id}/artifact")["Range"] == "header"
    entry = document["components"]["schemas"]["ProblemEntry"]
    assert entry["properties"].keys() == {
        "pointer", "location", "code", "detail", "row", "column", "offset", "byte_offset", "limit", "actual",
    }  # fmt: skip


def test_no_operation_takes_a_parameter_that_it_does_not_declare(tenant: Tenant, document):
    everything_else = {"/v1/models/{model_id}/predictions"}  # its GET takes the model's own features
    found = {}
    for path, methods in document["paths"].items():
        for method in methods:
            if path.startswith("/v1/") and not (method == "get" and path in everything_else):
                place = path.format_map(dict.fromkeys(("dataset_id", "job_id", "model_id", "name"), "x"))
                answer = tenant.client.request(
                    method,
                    place,
                    params={"colour": "red"},
                    content=b"{}" if method == "post" else None,
                    headers={"Content-Type": "application/json"} if method == "post" else None,
                )
                found[method, path] = (answer.status_code, answer.json()["errors"][0]["location"])

    assert len(found) >= 17
    assert set(found.values()) == {(422, "query/colour")}


def test_the_job_spec_names_every_method(document):
    schemas = document["components"]["schemas"]

    assert schemas["JobSpec"]["discriminator"]["propertyName"] == "kind"
    assert "tasks" in schemas["MultitaskJob"]["properties"]
    assert {"Mlp", "Linear", "Hard", "Static"} <= schemas.keys()


def test_the_key_is_declared(document):
    schemes = document["components"]["securitySchemes"]
    assert [scheme["scheme"] for scheme in schemes.values()] == ["bearer"]
    assert document["paths"]["/v1/jobs"]["post"]["security"]
    assert "security" not in document["paths"]["/healthz"]["get"]
