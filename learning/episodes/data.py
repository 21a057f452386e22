"""What the table of a meta job brings: its columns, the classes or tasks in its rows, what they ask for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from learning.episodes.pool import Units
from learning.planning.columns import Columns, Mask
from learning.planning.features import Request, choose
from learning.planning.findings import Findings
from learning.planning.grouping import group_name, keys_of
from learning.planning.structure import known_dataset, known_key, known_where
from learning.planning.targets import check_classes, check_labels, labels, resolve
from learning.specs.meta import MetaJob, MetaTarget, MetaTasks
from learning.specs.parts import TargetSpec
from learning.specs.split import SplitByColumn
from learning.tasks import TaskType

#: Of class episodes every class is a unit, of tasks every group: names of them all are in memory.
MAX_UNITS = 1_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """``job`` with its target's type resolved, and its classes or tasks."""

    job: MetaJob
    units: Units
    type: TaskType
    classes: tuple[str, ...] | None


def known_data(job: MetaJob, columns: Mapping[str, Columns], findings: Findings) -> bool:
    """Whether the dataset and every column that the job names are there, each with one use."""
    data, pointer = job.data, job.pointer
    if not known_dataset(data.dataset, pointer, columns, findings):
        return False
    table, before = columns[data.dataset], len(findings.problems)
    place = f"{pointer}/target" if job.episodes is not None else f"{pointer}/targets/0/target"
    known_key(job.target, table, place, findings, code="target-not-found")
    if isinstance(data, MetaTasks):
        for index, name in enumerate(data.group_by):
            known_key(name, table, f"{pointer}/group_by/{index}", findings)
            if name in data.group_by[:index]:
                detail = f"expected each column once, found {name[:64]!r}"
                findings.problem(f"{pointer}/group_by/{index}", "duplicate-column", detail)
    if job.target in reserved_columns(job):
        detail = f"expected a target, found {job.target[:64]!r}, which groups or splits the rows"
        findings.problem(place, "reserved-column", detail)
    known_where(data.where, table, pointer, findings)
    return len(findings.problems) == before


def features_of(job: MetaJob, table: Columns, findings: Findings) -> tuple[str, ...]:
    """The columns that a model reads."""
    data = job.data
    request = Request(job.pointer, data.features, data.exclude, {job.target}, reserved_columns(job))
    return choose(request, table, findings)


def reserved_columns(job: MetaJob) -> frozenset[str]:
    """The columns that say where a row belongs, and so are no inputs."""
    split = (job.split.column,) if isinstance(job.split, SplitByColumn) else ()
    return frozenset({*split, *(job.tasks.group_by if job.tasks is not None else ())})


def units_of(job: MetaJob, table: Columns, findings: Findings) -> Found | None:
    """The classes or tasks in the table's rows; None after a problem."""
    member = table.where(job.data.where)
    found = _classes(job, table, member, findings) if job.tasks is None else _tasks(job, table, member, findings)
    if found is not None and len(found.units.names) > MAX_UNITS:
        detail = f"expected at most {MAX_UNITS:,} classes or tasks, found {len(found.units.names):,}"
        findings.problem(job.pointer, "too-many-tasks", detail)
        return None
    return found


def _classes(job: MetaJob, table: Columns, member: Mask, findings: Findings) -> Found | None:
    place = "/episodes/target"
    if table.types[job.target] == "date":
        detail = "expected a column whose values are classes, found one of dates"
        findings.problem(place, "wrong-target-type", detail)
        return None
    texts = table.texts(job.target)
    codes = np.where(member, texts.codes, -1).astype(np.int64)
    present, codes = _renumbered(codes)
    if missing := int((member & (texts.codes < 0)).sum()):
        findings.notice("missing-target", f"{missing} rows have no {job.target!r} and belong to no class", place)
    names = tuple(texts.values[code] for code in present)
    if len(names) < 2:
        findings.problem(place, "single-class-target", f"expected two classes or more, found {len(names)}")
        return None
    ways = job.episodes.ways if job.episodes is not None else 2
    return Found(job, Units(names, codes, None), "binary" if ways == 2 else "multiclass", None)


def _renumbered(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes that occur, and each row's place among them; −1 stays."""
    present, inverse = np.unique(codes, return_inverse=True)
    first = int(len(present) > 0 and present[0] < 0)
    return present[first:], inverse.astype(np.int64) - first


def _tasks(job: MetaJob, table: Columns, member: Mask, findings: Findings) -> Found | None:
    assert job.tasks is not None  # asked by the caller
    tasks, pointer = job.tasks, "/tasks/targets/0"
    keys = keys_of(table, tasks.group_by, member)
    grouped = keys.codes >= 0
    if lost := int(member.sum() - grouped.sum()):
        detail = f"{lost} rows have no {' or '.join(map(repr, tasks.group_by))} and belong to no task"
        findings.notice("missing-group", detail, "/tasks/group_by")
    asked = TargetSpec(target=tasks.targets[0].target, type=tasks.targets[0].type)
    target = resolve(asked, table, grouped, pointer, findings)
    if target is None or not check_classes(target, pointer, findings):
        return None
    found = labels(table, target.spec.target, target.type, target.classes)
    known = ~np.isnan(found)
    if missing := int((grouped & ~known).sum()):
        detail = f"{missing} of {grouped.sum()} rows have no {asked.target!r} and are not drawn"
        findings.notice("missing-target", detail, f"{pointer}/target")
    before = len(findings.problems)
    check_labels(target, found[grouped & known], pointer, findings)
    if len(findings.problems) > before:
        return None
    names = tuple(group_name(dict(zip(tasks.group_by, key, strict=True))) for key in keys.values)
    resolved = tasks.model_copy(update={"targets": (MetaTarget(target=asked.target, type=target.type),)})
    units = Units(names, keys.codes.astype(np.int64), found)
    return Found(job.model_copy(update={"tasks": resolved}), units, target.type, target.classes)
