"""JSON as the RFC has it: UTF-8, no NaN, no key twice, no lone surrogate, a bounded depth."""

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import orjson

from app.errors import ApiError, shorten
from learning.errors import pointer_to

DEPTH = 32
"""How many objects and arrays may stand inside each other."""
KEYS = 2_500
"""Most keys of one object: more than a table may have columns."""


def parse(body: bytes, *, exact: bool = True, levels: int = 3, glance: Callable[[Any], None] | None = None) -> Any:
    """The value that ``body`` says.

    Args:
        exact: keep integers beyond 64 bits exact. Without it a body of at most ``levels`` levels, three such as the rows of a
            prediction, takes a faster way that reads them as floats.
        glance: may refuse the value by its size before the rest of it is looked at.
    Raises:
        ApiError: ``invalid-json`` with the offset, ``duplicate-key``, ``json-too-deep``, ``non-finite-value``.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _explained(body, error) from None
    if glance is not None:
        glance(value)
    # Every key has a colon and every container a bracket. If as many keys and containers are found in the upper
    # levels as the bytes have colons and brackets, then no key was dropped as a duplicate and nothing lies deeper.
    if not exact and _upper_levels(value, levels) == (body.count(b":"), body.count(b"{") + body.count(b"[")):
        return value
    return _parse_slowly(body)


def kind(value: Any) -> str:
    """What a decoded value is, as JSON calls it."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _upper_levels(value: Any, levels: int) -> tuple[int, int]:
    """How many keys and how many containers the upper levels of ``value`` hold."""
    keys = containers = 0
    level = [value]
    for depth in range(levels):
        if {dict, list}.isdisjoint(map(type, level)):
            break  # cells, of which there may be many
        inner: list[Any] = []
        for item in level:
            if type(item) is dict:
                _check_keys(len(item))
                keys += len(item)
                containers += 1
                if depth < levels - 1:
                    inner.extend(item.values())
            elif type(item) is list:
                containers += 1
                if depth < levels - 1:
                    inner.extend(item)
        level = inner
    return keys, containers


def _parse_slowly(body: bytes) -> Any:
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except RecursionError:
        raise _too_deep() from None
    except ApiError:
        raise
    except ValueError:  # the bytes were read as JSON before: it can only be an integer
        detail = "expected numbers of at most a few thousand digits, found a longer one"
        raise ApiError("invalid-json", detail, errors=[_at(0)]) from None
    _check_depth(value)
    return value


def _explained(body: bytes, error: orjson.JSONDecodeError) -> ApiError:
    if "depth limit" in error.msg:
        return _too_deep()
    if "infinity" in error.msg:
        detail = "expected a finite number, found one beyond the range of a 64-bit float"
        return ApiError(
            "non-finite-value" if _is_float(body, error) else "invalid-json", detail, errors=[_at(error.pos)]
        )
    if not body.strip():
        return ApiError("invalid-json", "expected JSON, found an empty body", errors=[_at(0)])
    return ApiError(
        "invalid-json", f"expected JSON in UTF-8, found at offset {error.pos}: {error.msg}", errors=[_at(error.pos)]
    )


def _is_float(body: bytes, error: orjson.JSONDecodeError) -> bool:
    """Whether the number at the error is written with an exponent or a fraction, not as thousands of digits."""
    text = body.decode("utf-8", "replace")[error.pos : error.pos + 400]
    return any(mark in text.lstrip("-0123456789")[:1] for mark in ("e", "E", "."))


def _at(position: int) -> dict[str, Any]:
    return {"location": "body", "code": "invalid-json", "detail": f"at offset {position}", "offset": position}


def _too_deep() -> ApiError:
    return ApiError("json-too-deep", f"expected at most {DEPTH} nested objects and arrays, found more")


def _check_keys(count: int) -> None:
    if count > KEYS:
        raise ApiError("invalid-json", f"expected at most {KEYS} keys in one object, found {count}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _check_keys(len(pairs))
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ApiError("duplicate-key", f"expected each key once in an object, found {shorten(twice)!r} again")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ApiError("invalid-json", f"expected a JSON value, found {name}")


def _finite_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ApiError("non-finite-value", "expected a finite number, found one beyond the range of a 64-bit float")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH):
        level = list(_inner(level))
        if not level:
            return
    raise _too_deep()


def _inner(level: list[Any]) -> Iterator[Any]:
    """The containers inside the containers of ``level``."""
    for item in level:
        values = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        yield from (value for value in values if isinstance(value, dict | list))


def nul_pointers(value: Any, *, pointer: str = "") -> Iterator[str]:
    """JSON pointers of the strings in ``value`` that hold a NUL, which no database text may."""
    if isinstance(value, str):
        if "\0" in value:
            yield pointer
    elif isinstance(value, dict):
        for key, item in value.items():
            here = pointer + pointer_to(key)
            if "\0" in key:
                yield here.replace("\0", "")
            yield from nul_pointers(item, pointer=here)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from nul_pointers(item, pointer=f"{pointer}/{position}")
