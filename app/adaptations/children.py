"""Adapted models as they are stored: a file of what differs, and a row that says what its base does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from learning.adapting import Delta
from learning.header import ModelHeader, Output
from learning.model import AnyHeader
from learning.planning.grouping import group_name
from store import models
from store.artifacts import ArtifactStore, Stored
from store.errors import ModelDeleted, NotFound
from store.ids import new_id
from store.inheritance import ADDED_TASKS
from store.keys import Principal

KIND = "adapt"


@dataclass(frozen=True)
class Child:
    """A child whose file is published."""

    name: str | None
    header: Mapping[str, Any]
    artifact: Stored


def published(artifacts: ArtifactStore, parent: AnyHeader, deltas: Sequence[Delta]) -> list[Child]:
    """The children with their files in place: nothing refers to these yet."""
    children = []
    for delta in deltas:
        staged = artifacts.stage()
        try:
            delta.save(staged)
            children.append(Child(delta.header.name, own_header(parent, delta), artifacts.publish(staged)))
        finally:
            staged.unlink(missing_ok=True)
    return children


def recorded(
    session: Session,
    who: Principal,
    children: Sequence[Child],
    *,
    now: datetime,
    parent_id: str,
    base_id: str,
    ttl_seconds: float | None,
) -> list[models.Model]:
    """The children as rows. Raises NotFound when the parent has been deleted meanwhile."""
    try:
        # held until the children are committed: a sweep sees either a living parent, or children who need its base
        models.pin(session, who.project_id, parent_id)
    except ModelDeleted:
        raise NotFound("model", parent_id) from None
    return [
        models.add(
            session,
            who.project_id,
            now=now,
            id=new_id("model"),
            name=child.name,
            kind=KIND,
            job_id=None,
            header=child.header,
            artifact=child.artifact.sha256,
            bytes=child.artifact.bytes,
            parents=[parent_id],
            base_id=base_id,
            expires_at=None if ttl_seconds is None else now + timedelta(seconds=ttl_seconds),
        )
        for child in children
    ]


def own_header(parent: AnyHeader, delta: Delta) -> dict[str, Any]:
    """What the row of a child says: its tasks and its method, and nothing that the row of its base says too."""
    own: dict[str, Any] = {"adaptable": True, "method": delta.header.adapted}
    if delta.header.added and isinstance(parent, ModelHeader):
        own[ADDED_TASKS] = [
            _task(parent.outputs[place], f"{group_name(dict(zip(parent.group_by, added.key, strict=True)))}/")
            for added in delta.header.added
            for place in added.outputs
        ]
        return own
    own["tasks"] = [] if delta.header.output is None else [_task(delta.header.output)]
    if delta.header.batch_statistics:
        own["network"] = {**parent.network, "statistics": "batch"}
    return own


def _task(output: Output, group: str = "") -> dict[str, Any]:
    told: dict[str, Any] = {"name": group + output.name, "type": output.type, "metrics": {}}
    return told | ({"classes": list(output.classes)} if output.classes else {})
