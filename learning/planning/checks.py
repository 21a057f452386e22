"""What can only be judged on the whole plan: its size, its split, its batches, targets that are given away."""

from collections.abc import Collection, Mapping, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from learning.encoding.cells import FIRST_VALUE
from learning.encoding.columns import DATE_WIDTH, MAX_VALUES
from learning.networks.base import InputShape, NetworkSpec
from learning.planning.draft import Draft
from learning.planning.findings import Findings, listing
from learning.planning.folds import Folds
from learning.planning.rows import Rows
from learning.planning.split import SIDES, TEST, TRAIN
from learning.specs.job import MultitaskJob
from learning.specs.split import SplitByBlocks, SplitByColumn, SplitByGroup, SplitByTime
from learning.tables.table import Table
from learning.tasks import ImageShape, Task

# 400 MB of weights in float32; an optimiser holds them three times more.
MAX_PARAMETERS = 100_000_000
# The most numbers that the encoding of a column brings, its missing indicator too.
_NUMBERS = {"number": 2, "boolean": 2, "date": DATE_WIDTH + 1, "category": 0, "image": 0}


def check_size(job: MultitaskJob, draft: Draft, findings: Findings) -> None:
    """A problem for a network that cannot read the features, or a model that no worker could hold, estimated from above."""
    inputs = largest_inputs(draft.types.values(), draft.images.values())
    if sentence := job.network.misfit(inputs):
        findings.problem("/network", "network-needs-image", sentence)
        return
    check_alone(job.network, findings)
    if sentence := job.sharing.misfit(job.network):
        findings.problem("/sharing", "sharing-network-mismatch", sentence)
        return
    estimate = job.sharing.parameters(job.network, inputs, draft.layout)
    if estimate > MAX_PARAMETERS:
        detail = (
            f"expected a model of at most {MAX_PARAMETERS:,} parameters, found up to {estimate:,} "
            f"({draft.layout.groups} heads of {draft.layout.units} outputs, {len(draft.types)} features)"
        )
        findings.problem("/network", "model-too-large", detail)


def check_alone(network: NetworkSpec, findings: Findings) -> None:
    """A problem for a network whose answers would depend on the rows that are asked together: validation and test could
    not say how good those answers are."""
    if network != network.alone():
        detail = "expected 'running' in a job, found 'batch', as only the children of a transductive meta-model have it"
        findings.problem("/network/statistics", "unknown-value", detail)


def largest_inputs(kinds: Collection[str], images: Collection[ImageShape] = ()) -> InputShape:
    """The most that features of these types are encoded to; ``images`` holds the shape of the one that is an image."""
    categories = sum(kind == "category" for kind in kinds)
    numbers = sum(_NUMBERS[kind] for kind in kinds) + sum(map(prod, images))
    return InputShape(numbers, (FIRST_VALUE + MAX_VALUES,) * categories, next(iter(images), None))


def check_sides(job: MultitaskJob, tasks: Sequence[Task], rows: Rows, findings: Findings) -> None:
    """A problem for every target that has no label left to train, validate or test on, or nothing that varies to train on.

    In a job with groups this is asked of each target over all groups, else of each task; under folds of the training and
    validation rows of each, where a target needs as many rows as there are folds.
    """
    if rows.cluster is not None and len(np.unique(rows.cluster)) < len(SIDES):
        field, what = ("blocks", "blocks") if isinstance(job.split, SplitByBlocks) else ("group", "values")
        detail = f"expected at least {len(SIDES)} {what} to divide, found {len(np.unique(rows.cluster))}"
        findings.problem(f"/split/{field}", "too-few-groups", detail)
        return
    pointers, unit_of = _units(job, tasks)
    if rows.folds is None:
        _check_labels(job, pointers, unit_of, rows, SIDES, "", findings)
        return
    sound = len(findings.problems)
    _check_contents(pointers, unit_of, rows, rows.folds, findings)
    # The first fold that fails says enough; a task that has more rows than folds need not be tested in every one.
    for fold in range(rows.folds.count):
        if len(findings.problems) == sound:
            where = f" when fold {fold + 1} of {rows.folds.count} is tested"
            _check_labels(job, pointers, unit_of, rows.in_fold(fold), SIDES[:TEST], where, findings)


def _check_labels(
    job: MultitaskJob,
    pointers: Mapping[str, Task],
    unit_of: npt.NDArray[np.int64],
    rows: Rows,
    sides: Sequence[str],
    where: str,
    findings: Findings,
) -> None:
    labelled = rows.task_of >= 0
    unit = unit_of[rows.task_of[labelled]]
    side = np.broadcast_to(rows.split[:, None], labelled.shape)[labelled]
    counts = np.bincount(unit * len(SIDES) + side, minlength=len(pointers) * len(SIDES)).reshape(-1, len(SIDES))
    train = side == TRAIN
    varied = _varied(unit[train], rows.labels[labelled][train], len(pointers))
    for index, (pointer, task) in enumerate(pointers.items()):
        empty = [name for name, count in zip(SIDES, counts[index], strict=True) if count == 0 and name in sides]
        if empty:
            found = f"none in {listing(empty)}{where}; {_advice(job)}"
            detail = f"expected labels of {task.target!r} on every side of the split, found {found}"
            findings.problem(pointer, "no-labels", detail)
        elif not varied[index]:
            code = "constant-target" if task.type == "regression" else "single-class-target"
            detail = f"expected {task.target!r} to vary among the training rows{where}, found one value"
            findings.problem(pointer, code, detail)


def _check_contents(
    pointers: Mapping[str, Task],
    unit_of: npt.NDArray[np.int64],
    rows: Rows,
    folds: Folds,
    findings: Findings,
) -> None:
    """A problem for every target with fewer rows than folds; copies of a row are in one fold, so they count once."""
    at, slot = np.nonzero(rows.task_of >= 0)
    contents = len(folds.cell)
    of = np.unique(unit_of[rows.task_of[at, slot]] * contents + folds.content[at]) // contents
    for task, count in zip(pointers.values(), np.bincount(of, minlength=len(pointers)).tolist(), strict=True):
        if count < folds.count:
            detail = (
                f"expected {folds.count} labelled rows of {task.target!r} that differ, one for each fold; found {count}"
            )
            findings.problem("/split/folds", "too-few-rows", detail)


def _units(job: MultitaskJob, tasks: Sequence[Task]) -> tuple[dict[str, Task], npt.NDArray[np.int64]]:
    """What must have labels on every side: pointer → a task of it, and the unit of each task, ``[T]``."""
    if job.grouped is None:
        pointers = {f"/tasks/{index}/target": task for index, task in enumerate(tasks)}
        return pointers, np.arange(len(tasks))
    place = {spec.target: index for index, spec in enumerate(job.grouped.targets)}
    first = {place[task.target]: task for task in reversed(tasks)}
    pointers = {f"/tasks/targets/{index}/target": first[index] for index in sorted(first)}
    return pointers, np.array([place[task.target] for task in tasks])


def _varied(unit: npt.NDArray[np.int64], labels: npt.NDArray[np.float64], units: int) -> npt.NDArray[np.bool_]:
    lowest, highest = np.full(units, np.inf), np.full(units, -np.inf)
    np.minimum.at(lowest, unit, labels)
    np.maximum.at(highest, unit, labels)
    varied: npt.NDArray[np.bool_] = lowest < highest
    return varied


def _advice(job: MultitaskJob) -> str:
    if isinstance(job.split, SplitByColumn):
        return f"see the column {job.split.column!r}"
    if isinstance(job.split, SplitByGroup):
        return f"each value of {job.split.group!r} is on one side"
    if isinstance(job.split, SplitByTime):
        return f"see the times in {job.split.time.column!r}"
    if isinstance(job.split, SplitByBlocks):
        return f"each block of {job.split.blocks} rows is on one side"
    return "there are too few labelled rows, or too few that differ"


def tell_copies(draft: Draft, tables: Mapping[str, Table], findings: Findings) -> None:
    """A notice for every target that is among the features under another name."""
    listed = isinstance(draft.specs, tuple)
    first: dict[tuple[str, str, tuple[str, ...]], int] = {}
    for index, task in enumerate(draft.tasks):
        first.setdefault((task.dataset, task.target, task.features), index)
    for place, ((dataset, target, features), index) in enumerate(first.items()):
        columns = tables[dataset].fingerprint.columns
        if copies := [name for name in features if columns[name] == columns[target]]:
            detail = f"{listing(copies)} equals the target {target!r} in every row: the answer is among the inputs"
            pointer = f"/tasks/{index}/target" if listed else f"/tasks/targets/{place}/target"
            findings.notice("duplicate-of-target", detail, pointer)


def clamped(job: MultitaskJob, rows: int, findings: Findings) -> MultitaskJob:
    """The job with batches no larger than its rows; said aloud when the user chose the size."""
    asked = job.training.batch_size
    if asked <= rows:
        return job
    if "batch_size" in job.training.model_fields_set:
        detail = f"{asked} is more than the job's {rows} rows; {rows} is used"
        findings.notice("batch-size-clamped", detail, "/training/batch_size")
    return job.model_copy(update={"training": job.training.model_copy(update={"batch_size": rows})})
