"""A multi-task job that starts from a stored model: what has to agree, which heads go on, and the model at the start."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from learning.grafting.features import Wanted, matched
from learning.grafting.heads import SourceHeads
from learning.grafting.source import has_one_trunk, is_of_one_trunk, network_of
from learning.grafting.trunk import check_network, load_trunk
from learning.header import ModelHeader, Output
from learning.model import TrainedModel
from learning.multitask.sharing.one_trunk import OneTrunk
from learning.planning import Plan, draw_seed, plan
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.structure import reserved_columns
from learning.specs import MultitaskJob
from learning.specs.parts import GroupedTasks, TaskSpec
from learning.tables import Table
from learning.tasks import Task

_AT = "/init"


@dataclass(frozen=True, slots=True)
class KeptHead:
    """A task of the job, by its index, that goes on from the head of an ``output`` of the source for its ``group``."""

    task: int
    output: int
    group: int


def plan_warm(
    spec: MultitaskJob,
    source: ModelHeader,
    tables: Mapping[str, Table],
    *,
    devices: Collection[str] | None = None,
    draw: Callable[[], int] = draw_seed,
) -> Plan:
    """Decide what a job with ``init`` does; planning the resolved spec again gives the same plan.

    A job that names no network has the source's. Its features are those by which the source reads rows.

    Args:
        source: the header of the model that it starts from.
        tables, devices, draw: as of `learning.planning.plan`.
    """
    findings = Findings()
    if "network" not in spec.model_fields_set:
        spec = spec.model_copy(update={"network": network_of(source)})
    check_network(spec.network, source.network, _AT, findings)
    if not has_one_trunk(source):
        detail = f"expected a model with one trunk for all its tasks, found sharing {source.sharing['name']!r}"
        findings.problem(_AT, "source-architecture", detail)
    if not is_of_one_trunk(spec.sharing):
        told = spec.sharing.model_dump()["name"]
        detail = f"expected a job whose tasks have one trunk, to start from one, found sharing {told!r}"
        findings.problem(_AT, "source-architecture", detail)
    warm = _with_features(spec, source, {name: Columns(table) for name, table in tables.items()}, findings)
    planned = plan(warm, tables, devices=devices, draw=draw)
    if not (findings.problems or planned.problems):
        _tell_new_heads(planned, source, findings)
    return replace(
        planned,
        notices=(*findings.notices, *planned.notices),
        problems=tuple(dict.fromkeys((*findings.problems, *planned.problems))),
    )


def _with_features(
    spec: MultitaskJob, source: ModelHeader, tables: Mapping[str, Columns], findings: Findings
) -> MultitaskJob:
    targets: dict[str, set[str]] = {}
    reserved = reserved_columns(spec)

    def known(part: Any) -> Any:
        barred, table = {*targets[part.dataset], *reserved}, tables.get(part.dataset)
        if table is None:
            return part  # planning tells
        wanted = Wanted(part.features, part.exclude, barred, told_at=_AT)
        found = matched(source.feature_sets, source.encoding, wanted, table, findings)
        return part if found is None else part.model_copy(update={"features": found, "exclude": ()})

    tasks: tuple[TaskSpec, ...] | GroupedTasks
    if isinstance(spec.tasks, GroupedTasks):
        targets[spec.tasks.dataset] = {target.target for target in spec.tasks.targets}
        tasks = known(spec.tasks)
    else:
        for task in spec.tasks:
            targets.setdefault(task.dataset, set()).add(task.target)
        tasks = tuple(known(task) for task in spec.tasks)
    return spec.model_copy(update={"tasks": tasks})


def kept_heads(planned: Plan, source: ModelHeader) -> tuple[KeptHead, ...]:
    """The tasks that the source has too: of the same name, or of the same target and group key, with type and classes.

    Groups that are pooled have one head, which goes on where the source had one for all of them as well.
    """
    place = {output.name: index for index, output in enumerate(source.outputs)}
    heads = {frozenset(zip(source.group_by, each.key, strict=True)): each.group for each in source.heads}
    found: dict[tuple[int, int], set[tuple[int, int] | None]] = {}
    first: dict[tuple[int, int], int] = {}
    for index, task in enumerate(planned.tasks):
        if task.group >= 0:
            first.setdefault((task.group, task.slot), index)
            found.setdefault((task.group, task.slot), set()).add(_same(task, source.outputs, place, heads))
    return tuple(
        KeptHead(first[cell], *same) for cell, (same, *others) in found.items() if same is not None and not others
    )


def _same(
    task: Task, outputs: tuple[Output, ...], place: Mapping[str, int], heads: Mapping[frozenset[Any], int]
) -> tuple[int, int] | None:
    """Output and group of the source that answer the task, null when none does."""
    at = place.get(task.name if task.key is None else task.target)
    if at is None or (outputs[at].type, outputs[at].classes) != (task.type, task.classes):
        return None
    group = outputs[at].group
    if task.key is not None:
        group = heads.get(frozenset(task.key.items()), -1) if group is None else None
    return None if group is None or group < 0 else (at, group)


def _tell_new_heads(planned: Plan, source: ModelHeader, findings: Findings) -> None:
    known = {(planned.tasks[kept.task].group, planned.tasks[kept.task].slot) for kept in kept_heads(planned, source)}
    new = [task.name for task in planned.tasks if task.group >= 0 and (task.group, task.slot) not in known]
    if new:
        detail = f"the model has no task of this name or group, type and classes; their heads are new: {listing(new)}"
        findings.notice("new-heads", detail, _AT)


def begin(model: OneTrunk, planned: Plan, source: TrainedModel, scales: NDArray[np.float64]) -> None:
    """Fill a new model with the source's trunk and with the heads of the tasks that it has too.

    Args:
        scales: ``[T, 2]``, mean and deviation by which each task's labels are standardised.

    Raises:
        ModelFileInvalid: the weights do not fit the source's own header.
    """
    load_trunk(model.trunk, source.tensors)
    weight, bias = torch.zeros_like(model.heads.weight.data), torch.zeros_like(model.heads.bias.data)
    known = torch.zeros(bias.shape, dtype=torch.bool)
    kept, offsets = kept_heads(planned, source.header), planned.layout.offsets
    heads = SourceHeads(source)
    for one in kept:
        task, (mean, deviation) = planned.tasks[one.task], scales[one.task].tolist()
        own = slice(offsets[task.slot], offsets[task.slot] + planned.layout.slots[task.slot].units)
        output = source.header.outputs[one.output]
        weight[task.group, own], bias[task.group, own] = heads.head(output, one.group, mean=mean, deviation=deviation)
        known[task.group, own] = True
    model.begin_heads(weight, bias, known)
