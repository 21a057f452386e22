"""Where a thing came from and what came of it: datasets, jobs and models as a graph, tombstones included."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.errors import NotFound
from store.expiry import is_past
from store.ids import PREFIXES
from store.paging import AnySelect
from store.tables import DatasetRow, JobDatasetRow, JobModelRow, JobRow, ModelParentRow, ModelRow

Relation = Literal["reads", "makes", "parent", "retry"]
MAX_NODES = 1000


@dataclass(frozen=True)
class Node:
    """``kind`` is dataset, job or model; ``sha256`` is kept when a dataset or model is deleted; a job has none."""

    id: str
    kind: str
    name: str | None
    sha256: str | None
    deleted: bool


@dataclass(frozen=True)
class Edge:
    """``source`` came first: a dataset or model that a job reads, a job that makes a model or dataset, a model's parent, a job that
    another one does again."""

    source: str
    target: str
    relation: Relation


@dataclass(frozen=True)
class Lineage:
    """All ancestors and all descendants of one thing, and what its own job made beside it.

    As far as ``MAX_NODES`` go; ``complete`` says whether they did.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool


def lineage(session: Session, project_id: str, root: str) -> Lineage:
    """The graph around a dataset, job or model, deleted or not. Raises NotFound."""
    if not _nodes(session, project_id, [root]):
        raise NotFound(_kind(root), root)
    seen = {root}
    edges: set[Edge] = set()
    for upwards in (True, False):
        frontier = {root}
        while frontier and len(seen) < MAX_NODES:
            found = _edges(session, project_id, frontier, upwards=upwards)
            edges |= found
            frontier = {edge.source if upwards else edge.target for edge in found} - seen
            seen |= frontier
    makers = {edge.source for edge in edges if edge.target == root and edge.relation == "makes"}
    beside = _edges(session, project_id, makers, upwards=False)  # the predictions that a model was judged on
    edges |= beside
    seen |= {edge.target for edge in beside}
    nodes = _nodes(session, project_id, [root, *sorted(seen - {root})][:MAX_NODES])
    known = {node.id for node in nodes}
    kept = [edge for edge in edges if edge.source in known and edge.target in known]
    ordered = sorted(kept, key=lambda edge: (edge.source, edge.target))
    return Lineage(tuple(nodes), tuple(ordered), complete=len(seen) < MAX_NODES)


def _kind(key: str) -> str:
    return {prefix: kind for kind, prefix in PREFIXES.items()}.get(key.partition("_")[0], "thing")


def _edges(session: Session, project_id: str, keys: Collection[str], *, upwards: bool) -> set[Edge]:
    """The edges that end in ``keys``, or that begin there."""
    relations: Iterable[tuple[Relation, Any, Any]] = (
        ("reads", JobDatasetRow.dataset_id, JobDatasetRow.job_id),
        ("reads", JobModelRow.model_id, JobModelRow.job_id),
        ("makes", DatasetRow.job_id, DatasetRow.id),
        ("makes", ModelRow.job_id, ModelRow.id),
        ("parent", ModelParentRow.parent_id, ModelParentRow.child_id),
        ("retry", JobRow.retried_from, JobRow.id),
    )
    found = set()
    for relation, source, target in relations:
        ours = source.class_.project_id == project_id
        known = (target if upwards else source).in_(keys)
        rows = session.execute(select(source, target).where(ours, known).limit(MAX_NODES))
        found |= {Edge(row[0], row[1], relation) for row in rows if row[0] is not None}
    return found


def _nodes(session: Session, project_id: str, keys: Collection[str]) -> list[Node]:
    statements: dict[str, AnySelect] = {
        "dataset": select(DatasetRow.id, DatasetRow.name, DatasetRow.sha256, DatasetRow.deleted_at).where(
            DatasetRow.project_id == project_id, DatasetRow.id.in_(keys)
        ),
        "job": select(JobRow.id, JobRow.name).where(JobRow.project_id == project_id, JobRow.id.in_(keys)),
        "model": select(ModelRow.id, ModelRow.name, ModelRow.artifact, ModelRow.deleted_at, ModelRow.expires_at).where(
            ModelRow.project_id == project_id, ModelRow.id.in_(keys)
        ),
    }
    nodes = []
    for kind, statement in statements.items():
        for key, name, *rest in session.execute(statement):
            sha256, deleted_at, expires_at = (*rest, None, None, None)[:3]
            gone = deleted_at is not None or is_past(session, expires_at)
            nodes.append(Node(key, kind, name, sha256, deleted=gone))
    return sorted(nodes, key=lambda node: node.id)
