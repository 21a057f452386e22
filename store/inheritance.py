"""What a model takes from the one it stands on: an adapted child stores what differs, and finds the rest at its base."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from store.tables import JobModelRow, ModelRow

ADDED_TASKS = "added_tasks"
"""In the row of a child that is its base with more groups: their tasks."""


@dataclass(frozen=True)
class Base:
    """The nearest whole ancestor of a model: it may be deleted, and its bytes stay while children need them."""

    id: str
    header: dict[str, Any]
    artifact: str
    bytes: int


def bases(session: Session, base_ids: Collection[str | None]) -> dict[str, Base]:
    """The bases by id, tombstones included."""
    wanted = {key for key in base_ids if key is not None}
    if not wanted:
        return {}
    columns = (ModelRow.id, ModelRow.header, ModelRow.artifact, ModelRow.bytes)
    return {row.id: Base(*row) for row in session.execute(select(*columns).where(ModelRow.id.in_(wanted)))}


def base_artifacts(session: Session, job_id: str) -> dict[str, str]:
    """Each model with a base that the job asks, to the sha256 of its base's file."""
    base = aliased(ModelRow)
    rows = session.execute(
        select(ModelRow.id, base.artifact)
        .join(JobModelRow, JobModelRow.model_id == ModelRow.id)
        .join(base, base.id == ModelRow.base_id)
        .where(JobModelRow.job_id == job_id)
    )
    return {row.id: row.artifact for row in rows}


def inherited(own: Mapping[str, Any], base: Base) -> dict[str, Any]:
    """The whole header of a child: its own words, and its base's inputs, network and method.

    A child with a task of its own does not read the columns that choose a group of its base. One that adds groups to a grouped
    base has its tasks too.
    """
    header = base.header
    if ADDED_TASKS in own:
        added = own[ADDED_TASKS]
        names = {task["name"] for task in added}
        tasks = [task for task in header["tasks"] if task["name"] not in names]
        return {**header, **{name: told for name, told in own.items() if name != ADDED_TASKS}, "tasks": tasks + added}
    groups = header.get("group_by", [])
    inputs = [column for column in header["inputs"] if column["name"] not in groups]
    return {
        "inputs": inputs,
        "group_by": [],
        "network": header["network"],
        "method": header["method"],
        **own,
    }
