"""Planning groups: one task per key and target, where small groups are never fatal unless the job says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.draft import Draft
from learning.planning.features import Request, choose
from learning.planning.findings import Findings, listing
from learning.planning.grouping import Keys, group_name, keys_of, small_cells
from learning.planning.structure import known_dataset, known_key, known_target, known_where, reserved_columns
from learning.planning.targets import MIN_LISTED_ROWS, Labels, Target, check_classes, check_labels, labels, resolve
from learning.specs.job import MultitaskJob
from learning.specs.parts import MAX_NAME_BYTES, MAX_TASK_NAME_BYTES, GroupedTasks
from learning.tasks import Layout, Source, Task, aligned_slots

MAX_GROUP_TASKS = 10_000


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each (key, target) is answered. ``kept`` and ``pooled`` ``[K, T]`` bool; ``group`` ``[K, T]``, -1: mean head."""

    groups: int
    group: npt.NDArray[np.int32]
    kept: Mask
    pooled: Mask


def plan_grouped(
    job: MultitaskJob, spec: GroupedTasks, columns: Mapping[str, Columns], findings: Findings
) -> Draft | None:
    """The tasks of a job with ``group_by``; null when a problem stands in the way."""
    if not known_dataset(spec.dataset, "/tasks", columns, findings):
        return None
    table = columns[spec.dataset]
    _check_columns(job, spec, table, findings)
    names = {target.target for target in spec.targets}
    features = choose(Request("/tasks", spec.features, spec.exclude, names, reserved_columns(job)), table, findings)
    if findings.problems:
        return None
    keys = _keys(spec, table, findings)
    if findings.problems:
        return None
    targets = [_target(spec, index, table, keys, findings) for index in range(len(spec.targets))]
    if findings.problems:
        return None
    sound = [target for target in targets if target]
    places = _places(spec, sound, table, keys, findings)
    _check_trained(sound, places, findings)
    return None if findings.problems else _draft(spec, sound, keys, places, features, table)


def _check_columns(job: MultitaskJob, spec: GroupedTasks, table: Columns, findings: Findings) -> None:
    for index, name in enumerate(spec.group_by):
        known_key(name, table, f"/tasks/group_by/{index}", findings)
        if name in spec.group_by[:index]:
            findings.problem(
                f"/tasks/group_by/{index}", "duplicate-column", f"expected each column once, found {name[:64]!r}"
            )
    known_where(spec.where, table, "/tasks", findings)
    for index, target in enumerate(spec.targets):
        known_target(target.target, table, f"/tasks/targets/{index}", job, findings)
        if target.target in {before.target for before in spec.targets[:index]}:
            detail = f"expected each target once, found {target.target[:64]!r} again"
            findings.problem(f"/tasks/targets/{index}/target", "duplicate-task", detail)


def _keys(spec: GroupedTasks, table: Columns, findings: Findings) -> Keys:
    member = table.where(spec.where)
    keys = keys_of(table, spec.group_by, member)
    rows = int((keys.codes >= 0).sum())
    if lost := int(member.sum()) - rows:
        detail = f"{lost} rows have no {' or '.join(map(repr, spec.group_by))} and belong to no task"
        findings.notice("missing-group", detail, "/tasks/group_by")
    if rows < MIN_LISTED_ROWS:
        pointer = "/tasks/where" if spec.where else "/tasks/dataset"
        findings.problem(
            pointer, "too-few-rows", f"expected at least {MIN_LISTED_ROWS} rows with a group, found {rows}"
        )
    if len(keys.values) * len(spec.targets) > MAX_GROUP_TASKS:
        detail = (
            f"expected at most {MAX_GROUP_TASKS} tasks, found {len(keys.values)} groups "
            f"× {len(spec.targets)} targets = {len(keys.values) * len(spec.targets)}"
        )
        findings.problem("/tasks/group_by", "too-many-tasks", detail)
    if not findings.problems:
        _check_names(spec, keys, findings)
    return keys


def _check_names(spec: GroupedTasks, keys: Keys, findings: Findings) -> None:
    """Problems of columns whose values are texts, not names, and of names too long for the results to be found by."""
    for index, name in enumerate(spec.group_by):
        long = sorted({key[index] for key in keys.values if len(key[index].encode()) > MAX_NAME_BYTES})
        if long:
            detail = (
                f"expected values of at most {MAX_NAME_BYTES} bytes to group by, "
                f"found {len(long)} longer ones in {name[:64]!r}: {listing(long)}"
            )
            findings.problem(f"/tasks/group_by/{index}", "group-value-too-long", detail)
    target = max(len(target.target.encode()) for target in spec.targets)
    groups = (group_name(dict(zip(spec.group_by, key, strict=True))) for key in keys.values)
    longest = max((len(group.encode()) for group in groups), default=0) + 1 + target
    if longest > MAX_TASK_NAME_BYTES and not findings.problems:
        detail = (
            f"expected task names of at most {MAX_TASK_NAME_BYTES} bytes, made of the group's columns and values and "
            f"the target, found one of {longest}"
        )
        findings.problem("/tasks/group_by", "task-name-too-long", detail)


def _target(spec: GroupedTasks, index: int, table: Columns, keys: Keys, findings: Findings) -> Target | None:
    """The target over all groups: its type and classes are one for all."""
    pointer, member = f"/tasks/targets/{index}", keys.codes >= 0
    target = resolve(spec.targets[index], table, member, pointer, findings)
    if target is None or not check_classes(target, pointer, findings):
        return None
    found = labels(table, target.spec.target, target.type, target.classes)[member]
    missing = np.isnan(found)
    if missing.any():
        detail = f"{missing.sum()} of {len(found)} rows have no {target.spec.target!r} and are masked for it"
        findings.notice("missing-target", detail, f"{pointer}/target")
    check_labels(target, found[~missing], pointer, findings)
    return target


def _places(spec: GroupedTasks, targets: Sequence[Target], table: Columns, keys: Keys, findings: Findings) -> _Places:
    found = [labels(table, target.spec.target, target.type, target.classes) for target in targets]
    small = _small(keys.codes, len(keys.values), found, spec.small_groups.min_rows)
    whole: Mask = np.all(small, axis=1)
    _tell_small(spec, keys, small, findings)
    groups = int((~whole).sum())
    group = np.full(small.shape, -1, dtype=np.int32)
    group[~whole] = np.arange(groups, dtype=np.int32)[:, None]
    group[small] = -1
    if spec.small_groups.then == "skip":
        return _Places(groups, group, ~small, np.zeros_like(small))
    # All rows of the small groups as if they were one group: the pool, if it can learn.
    together = np.where(whole[keys.codes] & (keys.codes >= 0), 0, -1).astype(np.int32)
    pool_small = _small(together, 1, found, spec.small_groups.min_rows)
    if not pool_small.all():
        group[np.ix_(whole, ~pool_small[0])] = groups
        groups += 1
    return _Places(groups, group, np.ones_like(small), small)


def _small(codes: npt.NDArray[np.int32], count: int, found: Sequence[Labels], min_rows: int) -> Mask:
    return np.stack([small_cells(codes, count, values, min_rows=min_rows) for values in found], axis=1)


def _tell_small(spec: GroupedTasks, keys: Keys, small: Mask, findings: Findings) -> None:
    if not small.any():
        return
    whole, then = small.all(axis=1), spec.small_groups.then
    named = [
        group_name(dict(zip(spec.group_by, keys.values[key], strict=True))) for key in np.flatnonzero(small.any(axis=1))
    ]
    why = f"fewer than {spec.small_groups.min_rows} labelled rows, one class or a constant target"
    if then == "error":
        detail = f"expected no group with {why}, found {len(named)} of {len(keys.values)}: {listing(named)}"
        findings.problem("/tasks/small_groups/then", "task-too-small", detail)
        return
    end = "are left out" if then == "skip" else "learn from the others and get no verdict"
    detail = (
        f"{whole.sum()} of {len(keys.values)} groups, and {small[~whole].sum()} single targets of other groups, "
        f"have {why}; they {end}: {listing(named)}"
    )
    findings.notice("small-groups", detail, "/tasks/small_groups")


def _check_trained(targets: Sequence[Target], places: _Places, findings: Findings) -> None:
    for index, trained in enumerate(np.any(places.group >= 0, axis=0).tolist()):
        if not trained:
            detail = f"expected a group with enough rows of {targets[index].spec.target!r}, found none, even all pooled"
            findings.problem(f"/tasks/targets/{index}/target", "task-too-small", detail)


def _draft(
    spec: GroupedTasks,
    targets: Sequence[Target],
    keys: Keys,
    places: _Places,
    features: tuple[str, ...],
    table: Columns,
) -> Draft:
    slots, (slot_of,) = aligned_slots([[target.slot for target in targets]])
    tasks = []
    for row, values in enumerate(keys.values):
        key = dict(zip(spec.group_by, values, strict=True))
        name = group_name(key)
        tasks += [
            Task(
                name=f"{name}/{target.spec.target}",
                dataset=spec.dataset,
                target=target.spec.target,
                type=target.type,
                loss=target.loss,
                metric=target.metric,
                weight=target.spec.weight,
                features=features,
                classes=target.classes,
                group=int(places.group[row, column]),
                slot=slot_of[column],
                key=key,
                pooled=bool(places.pooled[row, column]),
            )
            for column, target in enumerate(targets)
            if places.kept[row, column]
        ]
    return Draft(
        specs=spec.model_copy(update={"targets": tuple(target.spec for target in targets)}),
        tasks=tuple(tasks),
        layout=Layout(places.groups, slots),
        sources=(Source(spec.dataset, spec.where, features),),
        types={name: table.types[name] for name in features},
        images={name: table.images[name] for name in features if name in table.images},
    )
