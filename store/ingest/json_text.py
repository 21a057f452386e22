"""JSON as strictly as the HTTP contract reads it: no NaN, no key twice, no endless depth or number."""

import json
from typing import Any

from store.ingest.errors import refusal

MAX_DIGITS = 4_000  # Python refuses to convert more, for that takes quadratic time


class _Refused(ValueError):
    """A constant or a key that JSON text must not hold."""


def parse(text: str | bytes, *, row: int | None = None) -> Any:
    """The value of one JSON text; a repeated key is an error, an object keeps its order.

    Raises:
        IngestError: 400 ``invalid-json``, ``json-too-deep`` or ``duplicate-key``.
    """
    try:
        # bytes in UTF-16 would be read too, if they were not decoded here
        text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except RecursionError:
        raise refusal("json-too-deep", "expected JSON of moderate depth", status=400, row=row) from None
    except _Refused as error:
        raise refusal("duplicate-key", str(error), status=400, row=row) from None
    except json.JSONDecodeError as error:
        detail = f"expected JSON, found: {error.msg}"
        raise refusal("invalid-json", detail, status=400, row=row, byte_offset=error.pos) from None
    except ValueError:
        raise refusal("invalid-json", "expected JSON in UTF-8 with finite numbers", status=400, row=row) from None


def kind(value: Any) -> str:
    """What a decoded value is, as JSON calls it."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"expected each key once, found {twice[:64]!r} twice")
    return found
