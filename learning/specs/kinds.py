"""Every kind of job as one body, told apart by ``kind``. A further kind is a spec class and its line in ``KINDS``."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from pydantic import ValidationError
from pydantic_core import to_json

from learning.errors import Problem, SpecError
from learning.specs.adapt import AdaptJob
from learning.specs.job import MultitaskJob, job_type, not_json, parse_job
from learning.specs.meta import MetaJob, meta_branches, meta_type
from learning.specs.problems import Branches, problems_of, shown
from learning.specs.scoring import EvaluateJob, PredictJob, ScoringJob
from learning.specs.transfer import TransferJob, transfer_branches, transfer_type

JobSpec: TypeAlias = MultitaskJob | TransferJob | MetaJob | ScoringJob | AdaptJob

#: The spec class of each kind; the methods that exist narrow it when it is first asked for.
KINDS: Mapping[str, Callable[[], type[JobSpec]]] = {
    "adapt": lambda: AdaptJob,
    "evaluate": lambda: EvaluateJob,
    "meta": meta_type,
    "multitask": job_type,
    "predict": lambda: PredictJob,
    "transfer": transfer_type,
}

#: Of kinds with unions within: what pydantic's path of a value holds and the user's JSON does not.
_BRANCHES: Mapping[str, Callable[[], Branches]] = {"meta": meta_branches, "transfer": transfer_branches}


def parse_spec(data: Mapping[str, Any]) -> JobSpec:
    """A job of any kind from decoded JSON.

    Raises:
        SpecError: with a JSON pointer per problem; for an unknown ``kind`` with the list of those that there are.
    """
    if "kind" not in data:
        raise SpecError([Problem("/kind", "missing-field", "expected the field 'kind', found none")])
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in KINDS:
        detail = f"expected one of {', '.join(repr(known) for known in sorted(KINDS))}; found {shown(kind)}"
        raise SpecError([Problem("/kind", "unknown-value", detail)])
    if kind == "multitask":
        return parse_job(data)
    branches = _BRANCHES[kind]() if kind in _BRANCHES else {}
    return _parse(KINDS[kind](), data, branches=branches)


def _parse(spec: type[JobSpec], data: Mapping[str, Any], *, branches: Branches) -> JobSpec:
    if unfit := [*not_json(data, ())]:
        raise SpecError(unfit)
    try:
        return spec.model_validate_json(to_json(data), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, branches=branches)) from None


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
