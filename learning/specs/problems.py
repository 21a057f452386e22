"""From pydantic's findings to problems a user can act on: clean pointers, stable codes, what was found."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from learning.errors import Problem, pointer_to

_SHOWN = 64
_WRONG_TYPE = frozenset(
    {
        "model_type", "model_attributes_type", "none_required", "int_from_float", "dict_type", "mapping_type",
        "string_type", "int_type", "float_type", "bool_type", "list_type", "tuple_type", "string_sub_type",
    }
)  # fmt: skip
_OUT_OF_RANGE = frozenset(
    {
        "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of", "finite_number",
        "too_short", "too_long", "string_too_short", "string_too_long", "int_parsing_size",
    }
)  # fmt: skip
_MISSING = frozenset({"missing", "union_tag_not_found"})
_UNKNOWN = frozenset({"literal_error", "enum", "union_tag_invalid", "string_pattern_mismatch"})
# The fields whose form is told by what they hold, not by a name.
_FORMED = frozenset({"tasks", "split"})

# Per field of the job: the words that pydantic's path holds for a union's branch, in second place.
Branches = Mapping[str, Collection[str]]


def problems_of(error: ValidationError, *, branches: Branches) -> list[Problem]:
    """One problem per finding, in pydantic's order."""
    return [_problem(found, branches) for found in error.errors(include_url=False) if not _is_echo(found)]


def shown(value: Any) -> str:
    """A value as an error message shows it, cut to 64 characters."""
    match value:
        case None | bool():
            return json.dumps(value)
        case dict():
            return "an object"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return repr(value)[:_SHOWN]


def _is_echo(found: ErrorDetails) -> bool:
    """True for a list called too short only because its bad items, reported on their own, were left out."""
    if found["type"] != "too_short" or not isinstance(found["input"], list):
        return False
    return len(found["input"]) >= int(found["ctx"]["min_length"])


def _problem(found: ErrorDetails, branches: Branches) -> Problem:
    path, kind = list(found["loc"]), found["type"]
    if len(path) > 1 and path[1] in branches.get(str(path[0]), ()):
        del path[1]
    code = _code(kind, path)
    if kind.startswith("union_tag") and path[-1] not in _FORMED:
        path.append("name")
    return Problem(pointer_to(*path), code, _detail(found, path, branches))


def _code(kind: str, path: list[str | int]) -> str:
    last = path[-1] if path else ""
    if kind == "extra_forbidden":
        return "extra-field"
    if kind in _WRONG_TYPE or (kind == "union_tag_not_found" and last in _FORMED):
        return "wrong-type"
    if kind in _MISSING:
        return "missing-field"
    if kind in _UNKNOWN:
        return "unknown-value"
    if kind in _OUT_OF_RANGE:
        return _range_code(kind, last)
    # A code of our own, raised by a validator of the spec.
    return kind if "-" in kind else "invalid-value"


def _range_code(kind: str, last: str | int) -> str:
    if last in {"tasks", "targets"}:
        return "no-tasks" if kind == "too_short" else "too-many-tasks"
    return "invalid-weight" if last == "weight" else "out-of-range"


def _detail(found: ErrorDetails, path: list[str | int], branches: Branches) -> str:
    context = found.get("ctx", {})
    if found["type"] == "extra_forbidden":
        return f"expected no field of this name, found {str(path[-1])[:_SHOWN]!r}"
    if found["type"] == "missing" or (found["type"] == "union_tag_not_found" and path[-1] not in _FORMED):
        return f"expected the field {path[-1]!r}, found none"
    if found["type"] == "union_tag_not_found":
        return f"expected {_forms(path, branches)}; found {shown(found['input'])}"
    if found["type"] == "union_tag_invalid":
        given = found["input"].get("name", context["tag"]) if isinstance(found["input"], dict) else context["tag"]
        return f"expected one of {context['expected_tags']}; found {shown(given)}"
    expectation = _expectation(found)
    return expectation if ", found " in expectation else f"{expectation}; found {shown(found['input'])}"


def _forms(path: list[str | int], branches: Branches) -> str:
    if path[-1] == "tasks":
        return "a list of tasks, or an object with dataset, group_by and targets"
    *others, last = ("validation and test" if form == "fraction" else form for form in branches["split"])
    return f"an object with {', '.join(others)}, or {last}"


def _expectation(found: ErrorDetails) -> str:
    match found:
        case {"type": "too_short", "ctx": {"min_length": bound}}:
            return f"expected at least {bound} items"
        case {"type": "too_long", "ctx": {"max_length": bound}}:
            return f"expected at most {bound} items"
        case {"type": "list_type" | "tuple_type"}:
            return "expected a list"
        case {"type": "dict_type" | "mapping_type" | "model_type" | "model_attributes_type"}:
            return "expected an object"
        case {"type": "none_required"}:
            return "expected null"
    for opening in ("Input should be ", "Input should have ", "String should have "):
        if found["msg"].startswith(opening):
            return "expected " + found["msg"].removeprefix(opening)
    return found["msg"][:1].lower() + found["msg"][1:]
