"""From a column to a learning target: its type, its classes, its labels."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.findings import Findings, listing
from learning.specs.parts import TargetSpec
from learning.tasks import LOSSES, METRICS, Loss, Metric, Slot, TaskType

MAX_CLASSES = 1_000
# Fewer rows cannot be trained on, validated on and tested on.
MIN_LISTED_ROWS = 3
_ALLOWED: dict[str, tuple[TaskType, ...]] = {
    "number": ("regression", "binary", "multiclass"),
    "boolean": ("binary", "regression", "multiclass"),
    "category": ("binary", "multiclass"),
    "text": ("binary", "multiclass"),
    "date": (),
}
Labels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Target:
    """``spec`` with nothing left to ``auto``; ``classes`` sorted as text, null for regression."""

    spec: TargetSpec
    type: TaskType
    loss: Loss
    metric: Metric
    classes: tuple[str, ...] | None

    @property
    def slot(self) -> Slot:
        return Slot(self.type, len(self.classes or ()) if self.type == "multiclass" else 1)


def resolve(spec: TargetSpec, columns: Columns, rows: Mask, pointer: str, findings: Findings) -> Target | None:
    """Decide the type, loss and metric of a target from its cells in ``rows`` ``[n]``; null after a problem."""
    kind = columns.types[spec.target]
    type_ = _type_of(spec, columns, rows)
    if type_ not in _ALLOWED[kind]:
        expected = f"one of {listing(_ALLOWED[kind])}" if _ALLOWED[kind] else "another target"
        findings.problem(f"{pointer}/type", "wrong-target-type", f"expected {expected} for a {kind}; found {type_!r}")
        return None
    losses, metrics = LOSSES[type_], METRICS[type_]
    loss = losses[0] if spec.loss == "auto" else spec.loss
    metric = metrics[0] if spec.metric == "auto" else spec.metric
    if loss not in losses:
        detail = f"expected {listing(losses)} for {type_}, found {loss!r}"
        findings.problem(f"{pointer}/loss", "unknown-value", detail)
    if metric not in metrics:
        detail = f"expected {listing(metrics)} for {type_}, found {metric!r}"
        findings.problem(f"{pointer}/metric", "unknown-value", detail)
    classes = None if type_ == "regression" else _classes(columns, spec.target, rows)
    resolved = spec.model_copy(update={"type": type_, "loss": loss, "metric": metric})
    return Target(resolved, type_, loss, metric, classes)


def _type_of(spec: TargetSpec, columns: Columns, rows: Mask) -> TaskType:
    if spec.type != "auto":
        return spec.type
    kind = columns.types[spec.target]
    if kind == "number":
        numbers = columns.numbers(spec.target)[rows]
        bits = (numbers == 0) | (numbers == 1) | np.isnan(numbers)
        return "binary" if bits.all() else "regression"
    if kind == "date":
        return "regression"
    return "binary" if len(_classes(columns, spec.target, rows)) <= 2 else "multiclass"


def _classes(columns: Columns, target: str, rows: Mask) -> tuple[str, ...]:
    texts = columns.texts(target)
    present = np.bincount(texts.codes[rows] + 1, minlength=len(texts.values) + 1)[1:] > 0
    return tuple(value for value, here in zip(texts.values, present, strict=True) if here)


def labels(columns: Columns, target: str, type_: TaskType, classes: tuple[str, ...] | None) -> Labels:
    """The target of every row of the dataset, ``[n] float64``: NaN missing, else a class index or the number."""
    if type_ == "regression":
        return columns.numbers(target)
    texts = columns.texts(target)
    place = {name: float(index) for index, name in enumerate(cast("tuple[str, ...]", classes))}
    # The last is what code -1, a missing cell, finds.
    values = np.array([*(place.get(value, np.nan) for value in texts.values), np.nan])
    indexed: Labels = values[texts.codes]
    return indexed


def check_classes(target: Target, pointer: str, findings: Findings) -> bool:
    """False, with a problem, when there are more classes than the type can hold."""
    limit = 2 if target.type == "binary" else MAX_CLASSES
    found = len(target.classes or ())
    if found > limit:
        detail = f"expected at most {limit} classes for {target.type}, found {found}: {listing(target.classes or ())}"
        findings.problem(f"{pointer}/target", "too-many-classes", detail)
    return found <= limit


def check_labels(target: Target, found: Labels, pointer: str, findings: Findings) -> None:
    """The problems of a target that nobody can learn; ``found`` ``[m]`` are its labels, none missing."""
    place, name = f"{pointer}/target", target.spec.target
    if len(found) == 0:
        findings.problem(place, "no-labels", f"expected values of {name!r}, found only empty cells")
    elif len(found) < MIN_LISTED_ROWS:
        detail = f"expected at least {MIN_LISTED_ROWS} labelled rows of {name!r}, found {len(found)}"
        findings.problem(place, "task-too-small", detail)
    elif target.classes is None:
        if found.min() == found.max():
            detail = f"expected {name!r} to vary, found only {found[0]:g} in {len(found)} rows"
            findings.problem(place, "constant-target", detail)
    elif len(target.classes) < 2:
        detail = f"expected two classes of {name!r} or more, found {listing(target.classes)} in {len(found)} rows"
        findings.problem(place, "single-class-target", detail)


def check_class_sizes(target: Target, found: Labels, pointer: str, findings: Findings) -> None:
    """A problem for classes of a single row: no split can both learn and test one."""
    counts = np.bincount(found.astype(np.int64)) if target.classes else np.zeros(0, dtype=np.int64)
    single = [name for name, count in zip(target.classes or (), counts, strict=True) if count < 2]
    if single:
        detail = f"expected at least 2 rows of each class of {target.spec.target!r}, found 1 of {listing(single)}"
        findings.problem(f"{pointer}/target", "class-too-small", detail)
