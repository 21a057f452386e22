"""Where the service is and with which key: the argument, else the environment, else the data folder of `taskgraft up`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from taskgraft.errors import NotConfigured

DATA_FOLDER = Path("taskgraft-data")


@dataclass(frozen=True, slots=True)
class Location:
    url: str
    key: str = field(repr=False)  # a secret stays out of tracebacks and logs


def locate(
    url: str | None = None,
    key: str | None = None,
    *,
    data: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Location:
    """The first that says: argument, ``TASKGRAFT_URL`` / ``TASKGRAFT_KEY``, then ``service.json`` / ``admin.key`` in ``data``.

    A data folder named by the caller wins over the environment: it was asked for.

    Raises:
        NotConfigured: nothing names the address or the key.
    """
    variables = os.environ if environment is None else environment
    folder = data or DATA_FOLDER
    fallback_url, fallback_key = _url_in(folder), _key_in(folder)
    if data is None:
        fallback_url = variables.get("TASKGRAFT_URL") or fallback_url
        fallback_key = variables.get("TASKGRAFT_KEY") or fallback_key
    found_url, found_key = url or fallback_url, key or fallback_key
    if not found_url:
        raise NotConfigured(
            f"expected the service's address in TASKGRAFT_URL or {folder / 'service.json'}, found neither: is it running?"
        )
    if not found_key:
        raise NotConfigured(f"expected a key in TASKGRAFT_KEY or {folder / 'admin.key'}, found neither")
    return Location(found_url.rstrip("/"), found_key)


def _url_in(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / "service.json").read_text(encoding="utf-8"))["url"])
    except FileNotFoundError:
        return None


def _key_in(folder: Path) -> str | None:
    try:
        return (folder / "admin.key").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
