"""What a service tells as it happens: a stream of server-sent events, read line by line."""

import json
from collections.abc import Iterator

from taskgraft.errors import Document


def server_sent(lines: Iterator[str]) -> Iterator[Document]:
    """Events of a ``text/event-stream``: fields until an empty line; lines that begin with a colon are pings."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(":")
            fields[name] = (
                fields[name] + "\n" + value.removeprefix(" ")
                if name == "data" and "data" in fields
                else value.removeprefix(" ")
            )
        elif fields:
            yield {
                "id": int(fields.get("id") or 0),
                "event": fields.get("event", "message"),
                "data": json.loads(fields.get("data") or "null"),
            }
            fields = {}
