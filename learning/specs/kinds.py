"""Every kind of job as one body, told apart by ``kind``. A further kind is a spec class and its line in ``KINDS``."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from learning.errors import Problem, SpecError
from learning.specs.job import MultitaskJob, job_type, parse_job
from learning.specs.problems import shown

JobSpec: TypeAlias = MultitaskJob

#: The spec class of each kind; the methods that exist narrow it when it is first asked for.
KINDS: Mapping[str, Callable[[], type[JobSpec]]] = {"multitask": job_type}
_PARSERS: Mapping[str, Callable[[Mapping[str, Any]], JobSpec]] = {"multitask": parse_job}


def parse_spec(data: Mapping[str, Any]) -> JobSpec:
    """A job of any kind from decoded JSON.

    Raises:
        SpecError: with a JSON pointer per problem; for an unknown ``kind`` with the list of those that there are.
    """
    if "kind" not in data:
        raise SpecError([Problem("/kind", "missing-field", "expected the field 'kind', found none")])
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in _PARSERS:
        detail = f"expected one of {', '.join(repr(known) for known in sorted(_PARSERS))}; found {shown(kind)}"
        raise SpecError([Problem("/kind", "unknown-value", detail)])
    return _PARSERS[kind](data)


def spec_json_schema() -> dict[str, Any]:
    """The JSON schema of a job's body: one of its kinds, by the discriminator ``kind``."""
    place = "#/components/schemas/{model}"
    definitions: dict[str, Any] = {}
    mapping: dict[str, str] = {}
    for kind, spec in sorted(KINDS.items()):
        schema = spec().model_json_schema(ref_template=place)
        definitions |= schema.pop("$defs", {}) | {schema["title"]: schema}
        mapping[kind] = place.format(model=schema["title"])
    return {
        "title": "JobSpec",
        "description": "A job's body, by its kind.",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
        "$defs": definitions,
    }
