"""From a plan to tensors: encoded rows, standardised labels, the losses of a step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from learning.encoding import Absent, Encoded, Encoding, absent_cells
from learning.encoding import fit as fit_encoding
from learning.errors import Problem, SpecError
from learning.examples import Examples, build
from learning.losses import Objective, TaskLosses
from learning.networks.base import InputShape
from learning.planning import TRAIN, VALIDATION, Plan
from learning.tables import Table
from learning.tasks import Task
from worker.training.batches import Batch
from worker.training.fitting import Data
from worker.training.scale import Scale, standardised
from worker.training.task_data import TaskData, collect


@dataclass(frozen=True, eq=False)
class Prepared:
    """The rows of a job, encoded once for the shared model and for every rival.

    tasks: what each task's rows are. scales ``[T, 2]``: mean and standard deviation of each task's target, (0, 1) for
    a class. head_rows ``[G, J]``: labelled training rows behind each head and slot.
    """

    plan: Plan
    examples: Examples
    absent: Absent
    encoding: Encoding
    encoded: Encoded
    tasks: tuple[TaskData, ...]
    scales: NDArray[np.float64]
    head_rows: NDArray[np.float32]

    @property
    def inputs(self) -> InputShape:
        return self.encoding.inputs


def prepare(plan: Plan, tables: Mapping[str, Table]) -> Prepared:
    """Read the rows of ``plan`` and encode them; of a plan with folds none is for the test."""
    examples = build(plan, tables)
    return encoded(plan, examples if examples.folds is None else examples.in_fold(None))


def encoded(plan: Plan, examples: Examples) -> Prepared:
    """Encode the rows of ``plan``; everything fitted is fitted on the training rows only.

    Raises:
        SpecError: training rows whose images are all of one colour, for a network that reads images.
    """
    absent = absent_cells(examples.source, [source.features for source in plan.sources])
    encoding = fit_encoding(
        examples.features, plan.types, train=examples.split == TRAIN, absent=absent, images=plan.images
    )
    if sentence := plan.spec.network.misfit(encoding.inputs):
        raise SpecError([Problem("/network", "network-needs-image", f"{sentence} that differ from each other")])
    tasks = collect(plan.tasks, examples.labels, examples.task_of, examples.split)
    return Prepared(
        plan=plan,
        examples=examples,
        absent=absent,
        encoding=encoding,
        encoded=encoding.encode(examples.features, absent=absent),
        tasks=tasks,
        scales=target_scales(plan, examples),
        head_rows=_head_rows(plan, examples),
    )


def target_scales(plan: Plan, examples: Examples) -> NDArray[np.float64]:
    """Return mean and standard deviation ``[T, 2]`` of each task's training labels; (0, 1) for classification.

    The groups of one target share its scale: the model then learns how they differ. Listed tasks have their own.
    """
    scales = np.tile([0.0, 1.0], (len(plan.tasks), 1))
    grouped = plan.spec.grouped is not None
    train = examples.split == TRAIN
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for index, task in enumerate(plan.tasks):
        if task.type != "regression":
            continue
        key = (-1 if grouped else task.group, task.slot)
        if key not in found:
            rows = train if grouped else train & (examples.group == task.group)
            labels = examples.labels[rows, task.slot]
            scale = Scale.of(labels[~np.isnan(labels)])
            found[key] = (scale.mean, scale.deviation)
        scales[index] = found[key]
    return scales


def _head_rows(plan: Plan, examples: Examples) -> NDArray[np.float32]:
    rows = np.zeros((plan.layout.groups, len(plan.layout.slots)), np.float32)
    used = (examples.split == TRAIN) & (examples.group >= 0)
    labelled = ~np.isnan(examples.labels[used])
    np.add.at(rows, examples.group[used], labelled.astype(np.float32))
    return rows


def objectives(plan: Plan, tasks: Sequence[TaskData]) -> tuple[tuple[str, ...], list[Objective], NDArray[np.float32]]:
    """Return names, objectives and weights ``[K]`` of a step's losses: one per listed task, or one per target."""
    if plan.spec.grouped is None:
        chosen = list(range(len(plan.tasks)))
    else:
        of_slot: dict[int, int] = {}
        for index, task in enumerate(plan.tasks):
            of_slot.setdefault(task.slot, index)
        chosen = [of_slot[slot] for slot in sorted(of_slot)]
    grouped = plan.spec.grouped is not None
    names = tuple(plan.tasks[i].target if grouped else plan.tasks[i].name for i in chosen)
    found = [_objective(plan.tasks[i], plan, tasks, i) for i in chosen]
    return names, found, np.array([plan.tasks[i].weight for i in chosen], np.float32)


def _objective(task: Task, plan: Plan, tasks: Sequence[TaskData], index: int) -> Objective:
    grouped = plan.spec.grouped is not None
    weights = None
    if plan.spec.training.class_weight == "balanced" and task.classes is not None:
        members = [t for t, other in zip(tasks, plan.tasks, strict=True) if grouped and other.slot == task.slot]
        labels = np.concatenate([member.train.labels for member in members or [tasks[index]]]).astype(np.int64)
        counts = np.bincount(labels, minlength=len(task.classes))
        # n / (C · n_c), as King and Zeng weigh rare events; a class that no training row has weighs 1
        weights = tuple(float(w) for w in np.where(counts > 0, counts.sum() / (len(counts) * counts.clip(1)), 1.0))
    return Objective(task.slot, task.loss, None if grouped else task.group, weights)


def training_data(prepared: Prepared, device: torch.device) -> tuple[Data, TaskLosses]:
    """Return the rows of training and validation as tensors on ``device``, with the losses of a step."""
    names, found, weights = objectives(prepared.plan, prepared.tasks)
    labels = _standardised(prepared)
    sides = {side: _side(prepared, labels, side) for side in (TRAIN, VALIDATION)}
    dense = not any(bool(side.labels.isnan().any()) for side in sides.values())
    data = Data(
        train=sides[TRAIN].to(device),
        validation=sides[VALIDATION].to(device),
        objectives=names,
        weights=torch.from_numpy(weights).to(device),
    )
    return data, TaskLosses(prepared.plan.layout, found, dense=dense, device=device)


def _standardised(prepared: Prepared) -> NDArray[np.float32]:
    labels = prepared.examples.labels
    mean, deviation = prepared.scales[:, 0], prepared.scales[:, 1]
    of = prepared.examples.task_of
    known = of >= 0
    scaled = np.full(labels.shape, np.nan, np.float32)
    scaled[known] = standardised(labels[known], mean[of[known]], deviation[of[known]])
    return scaled


def _side(prepared: Prepared, labels: NDArray[np.float32], side: int) -> Batch:
    examples = prepared.examples
    # a row of the mean head (group −1) has no head to train, and one without any label nothing to say
    rows = np.flatnonzero((examples.split == side) & (examples.group >= 0) & ~np.isnan(labels).all(axis=1))
    return Batch(
        numeric=torch.from_numpy(prepared.encoded.numeric[rows]),
        category=torch.from_numpy(prepared.encoded.category[rows]),
        group=torch.from_numpy(examples.group[rows].astype(np.int64)),
        labels=torch.from_numpy(labels[rows]),
    )
