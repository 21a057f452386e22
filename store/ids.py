"""Ids carry their kind: ``job_`` and 26 characters of a UUIDv7 in Crockford base 32. Sorting ids sorts by time of birth."""

import re
import secrets
import threading
import time

PREFIXES = {"project": "prj", "key": "key", "dataset": "ds", "job": "job", "model": "mdl"}
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_FORM = re.compile(r"[a-z]+_[0-7][0-9A-HJKMNP-TV-Z]{25}\Z")


class _Ticks:
    """Time in 1/4096 ms, strictly increasing within this process (RFC 9562, 6.2, method 3)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        with self._lock:
            self._last = max(time.time_ns() * 4096 // 1_000_000, self._last + 1)
            return self._last


_ticks = _Ticks()


def uuid7() -> int:
    """A UUIDv7 as a 128-bit integer: 48 bits of milliseconds, 12 bits below them, 62 random bits."""
    milliseconds, fraction = divmod(_ticks.next(), 4096)
    return (milliseconds << 80) | (7 << 76) | (fraction << 64) | (2 << 62) | secrets.randbits(62)


def crockford(number: int, *, length: int = 26) -> str:
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(5 * (length - 1), -1, -5))


def new_id(kind: str) -> str:
    """A fresh id of ``kind``: project, key, dataset, job or model (or its prefix)."""
    return f"{PREFIXES.get(kind, kind)}_{crockford(uuid7())}"


def is_id(text: str, kind: str) -> bool:
    return text.startswith(PREFIXES[kind] + "_") and _FORM.match(text) is not None
