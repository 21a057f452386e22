"""Answers that may have to be given again: a stored answer is returned as it was, marked as a replay."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastapi.responses import Response
from sqlalchemy.orm import Session

from store import idempotency
from store.idempotency import Answer, Reservation


@dataclass(frozen=True)
class Reply:
    """A finished answer: its JSON text is kept beside the idempotency key."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)
    replayed: bool = False

    def response(self) -> Response:
        """The answer on the wire."""
        headers = {**self.headers, **({"Idempotency-Replayed": "true"} if self.replayed else {})}
        return Response(self.body, status_code=self.status, headers=headers, media_type="application/json")


def fingerprint(*parts: Any) -> str:
    """One hash for JSON values that mean the same, whatever the order of their keys and the spaces between them."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def recall(answer: Answer) -> Reply:
    """A stored answer, to be given again."""
    return Reply(answer.status, answer.body, answer.headers, replayed=True)


def keep(session: Session, reserved: Reservation | Answer | None, reply: Reply, *, now: datetime, mark: str) -> None:
    """Store ``reply`` under the reserved key, if the request had one."""
    if isinstance(reserved, Reservation):
        idempotency.complete(
            session,
            reserved,
            now=now,
            fingerprint=mark,
            status=reply.status,
            headers=reply.headers,
            body=reply.body,
        )
