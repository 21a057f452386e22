"""Planning a list of tasks: each must be learnable by itself, and what is wrong is told for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.planning.columns import Columns, Mask
from learning.planning.draft import Draft
from learning.planning.features import Request, check_overlap, check_types, choose
from learning.planning.findings import Findings
from learning.planning.names import task_names
from learning.planning.structure import known_dataset, known_target, known_where, reserved_columns
from learning.planning.targets import (
    MIN_LISTED_ROWS,
    Target,
    check_class_sizes,
    check_classes,
    check_labels,
    labels,
    resolve,
)
from learning.specs.job import MultitaskJob
from learning.specs.parts import TaskSpec
from learning.tasks import Layout, Source, Task, aligned_slots


@dataclass(frozen=True, slots=True)
class _Entry:
    """A task whose columns exist, with its inputs and where the job speaks of it."""

    pointer: str
    spec: TaskSpec
    features: tuple[str, ...]


def plan_listed(
    job: MultitaskJob, specs: Sequence[TaskSpec], columns: Mapping[str, Columns], findings: Findings
) -> Draft | None:
    """The tasks of a job that lists them; null when a problem stands in the way."""
    names = task_names(specs, findings)
    targets: dict[str, set[str]] = {}
    for spec in specs:
        targets.setdefault(spec.dataset, set()).add(spec.target)
    entries = []
    for index, (spec, name) in enumerate(zip(specs, names, strict=True)):
        named = spec.model_copy(update={"name": name})
        if entry := _entry(job, named, f"/tasks/{index}", targets[spec.dataset], columns, findings):
            entries.append(entry)
    _check_repeats(entries, findings)
    resolved = [_target(entry, columns[entry.spec.dataset], findings) for entry in entries]
    chosen = [(entry.pointer, entry.spec.dataset, entry.features) for entry in entries]
    check_types(chosen, {name: table.kinds for name, table in columns.items()}, findings)
    check_overlap(chosen, findings)
    return None if findings.problems else _draft(entries, [target for target in resolved if target], columns)


def _entry(
    job: MultitaskJob,
    spec: TaskSpec,
    pointer: str,
    targets: set[str],
    columns: Mapping[str, Columns],
    findings: Findings,
) -> _Entry | None:
    if not known_dataset(spec.dataset, pointer, columns, findings):
        return None
    table, before = columns[spec.dataset], len(findings.problems)
    known_target(spec.target, table, pointer, job, findings)
    known_where(spec.where, table, pointer, findings)
    request = Request(pointer, spec.features, spec.exclude, targets, reserved_columns(job))
    features = choose(request, table, findings)
    return _Entry(pointer, spec, features) if len(findings.problems) == before else None


def _rows_key(spec: TaskSpec) -> tuple[str, frozenset[tuple[str, frozenset[str]]]]:
    """Equal for tasks on the same rows, however their filters are written."""
    return spec.dataset, frozenset((name, frozenset(values)) for name, values in spec.where.items())


def _check_repeats(entries: Sequence[_Entry], findings: Findings) -> None:
    seen: dict[object, str] = {}
    for entry in entries:
        key = (*_rows_key(entry.spec), entry.spec.target)
        if key in seen:
            detail = f"expected each target once on the same rows, found {entry.spec.target[:64]!r} at {seen[key]} too"
            findings.problem(f"{entry.pointer}/target", "duplicate-task", detail)
        seen.setdefault(key, entry.pointer)


def _target(entry: _Entry, table: Columns, findings: Findings) -> Target | None:
    """The target with its type and classes, checked to be learnable on the task's own rows."""
    spec, before = entry.spec, len(findings.problems)
    member: Mask = table.where(spec.where)
    if member.sum() < MIN_LISTED_ROWS:
        detail = f"expected at least {MIN_LISTED_ROWS} rows, found {member.sum()}"
        findings.problem(entry.pointer + ("/where" if spec.where else "/dataset"), "too-few-rows", detail)
        return None
    target = resolve(spec, table, member, entry.pointer, findings)
    if target is None or not check_classes(target, entry.pointer, findings):
        return None
    found = labels(table, spec.target, target.type, target.classes)[member]
    missing = np.isnan(found)
    if missing.any():
        detail = f"{missing.sum()} of {len(found)} rows have no {spec.target!r} and are masked for this task"
        findings.notice("missing-target", detail, f"{entry.pointer}/target")
    check_labels(target, found[~missing], entry.pointer, findings)
    if len(findings.problems) == before:
        check_class_sizes(target, found[~missing], entry.pointer, findings)
    return target if len(findings.problems) == before else None


def _draft(entries: Sequence[_Entry], targets: Sequence[Target], columns: Mapping[str, Columns]) -> Draft:
    """One head per distinct source; equal kinds of target share a slot over the sources."""
    members: dict[object, list[int]] = {}
    for index, entry in enumerate(entries):
        members.setdefault((*_rows_key(entry.spec), entry.features), []).append(index)
    slots, places = aligned_slots([[targets[index].slot for index in source] for source in members.values()])
    place = {
        index: (group, slot)
        for group, source in enumerate(members.values())
        for index, slot in zip(source, places[group], strict=True)
    }
    tasks = [
        _task(entry, target, *place[index]) for index, (entry, target) in enumerate(zip(entries, targets, strict=True))
    ]
    firsts = [entries[source[0]] for source in members.values()]
    table_of = {name: columns[entry.spec.dataset] for entry in entries for name in entry.features}
    return Draft(
        specs=tuple(_resolved(entry.spec, target) for entry, target in zip(entries, targets, strict=True)),
        tasks=tuple(tasks),
        layout=Layout(len(firsts), slots),
        sources=tuple(Source(entry.spec.dataset, entry.spec.where, entry.features) for entry in firsts),
        types={name: table.types[name] for name, table in table_of.items()},
        images={name: table.images[name] for name, table in table_of.items() if name in table.images},
    )


def _resolved(spec: TaskSpec, target: Target) -> TaskSpec:
    return spec.model_copy(update={"type": target.type, "loss": target.loss, "metric": target.metric})


def _task(entry: _Entry, target: Target, group: int, slot: int) -> Task:
    spec = target.spec
    return Task(
        name=str(entry.spec.name),
        dataset=entry.spec.dataset,
        target=spec.target,
        type=target.type,
        loss=target.loss,
        metric=target.metric,
        weight=spec.weight,
        features=entry.features,
        classes=target.classes,
        group=group,
        slot=slot,
        key=None,
        pooled=False,
    )
