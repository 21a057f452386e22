"""The fields of an adaptation's body, one by one: each of its type and within its bounds, or told with its pointer."""

from collections.abc import Mapping
from typing import Any

from app.adaptations.schemas import MOST_SECONDS, MOST_STEPS, MOST_TARGETS
from app.errors import ApiError, shorten
from app.rows import wrong
from app.streamed import clean_name
from app.strict_json import kind
from learning.errors import pointer_to

Key = Mapping[str, str | float | bool]
"""A value for each column that names the group of a grouped model."""


def targets(said: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns of labels that ``target`` or ``targets`` names; None where neither does."""
    target, several = said.get("target"), said.get("targets")
    if target is not None and several is not None:
        raise wrong("/targets", "extra-field", "expected either target or targets, found both")
    if target is not None:
        if type(target) is not str:
            raise wrong("/target", "wrong-type", f"expected the name of a column, found {kind(target)}")
        return (target,)
    if several is None:
        return None
    if type(several) is not list or not all(type(name) is str for name in several):
        raise wrong("/targets", "wrong-type", f"expected a list of names of columns, found {kind(several)}")
    if not several:
        raise wrong("/targets", "no-tasks", "expected at least one target, found none")
    if len(several) > MOST_TARGETS:
        raise wrong("/targets", "too-many-tasks", f"expected at most {MOST_TARGETS} targets, found {len(several)}")
    for position, name in enumerate(several):
        if name in several[:position]:
            detail = f"expected each target once, found {shorten(name)!r} again"
            raise wrong(f"/targets/{position}", "duplicate-target", detail)
    return tuple(several)


def task_key(said: Any, at: str) -> Mapping[str, str | float | bool] | None:
    """The new group, as its columns' values."""
    if said is None:
        return None
    for name, value in mapping(said, at).items():
        if type(value) not in (str, int, float, bool):
            detail = f"expected a text, a number, true or false, found {kind(value)}"
            raise wrong(at + pointer_to(name), "wrong-type", detail)
    return dict(said)


def dataset_id(said: Any, at: str) -> str:
    """What may be the id of a dataset."""
    if type(said) is not str:
        raise wrong(at, "wrong-type", f"expected the id of a dataset, found {kind(said)}")
    if not 1 <= len(said) <= 64 or "\0" in said:
        raise wrong(at, "dataset-not-found", f"expected the id of a dataset, found {shorten(said)!r}")
    return said


def steps(said: Any) -> int | None:
    """How many inner steps; None for the method's own."""
    if said is None:
        return None
    if type(said) is not int:
        raise wrong("/steps", "wrong-type", f"expected a whole number of steps, found {kind(said)}")
    if not 1 <= said <= MOST_STEPS:
        raise wrong("/steps", "out-of-range", f"expected 1 to {MOST_STEPS} steps, found {shorten(str(said))}")
    return said


def stored(said: Any) -> bool:
    """Whether to store."""
    if type(said) is not bool:
        raise wrong("/store", "wrong-type", f"expected true or false, found {kind(said)}")
    return said


def seconds(said: Any) -> float | None:
    """How long a stored model lives; None without an end."""
    if said is None:
        return None
    if type(said) not in (int, float):
        raise wrong("/ttl_seconds", "wrong-type", f"expected a number of seconds, found {kind(said)}")
    if not 0 < said <= MOST_SECONDS:
        raise wrong("/ttl_seconds", "out-of-range", f"expected more than 0 and at most {MOST_SECONDS} seconds")
    return float(said)


def model_name(said: Any, at: str) -> str | None:
    """A name in NFC, without characters that hide or reorder others."""
    if said is not None and type(said) is not str:
        raise wrong(at, "wrong-type", f"expected a name, found {kind(said)}")
    try:
        return clean_name(said)
    except ApiError as error:
        raise wrong(at, error.code, error.detail) from None


def mapping(said: Any, at: str) -> Mapping[str, Any]:
    """The value, where it is an object."""
    if type(said) is not dict:
        raise wrong(at, "wrong-type", f"expected an object, found {kind(said)}")
    return said


def known(said: Mapping[str, Any], fields: tuple[str, ...], at: str) -> None:
    """Raises ApiError when the object has a field that is none of ``fields``."""
    if unknown := [name for name in said if name not in fields]:
        found = shorten(unknown[0])
        raise wrong(at + pointer_to(found), "extra-field", f"expected only {', '.join(fields)}; found {found!r}")
