"""What a learning task is, and where its head lies. Deciding the tasks of a job is ``learning.planning``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

TaskType: TypeAlias = Literal["regression", "binary", "multiclass"]
Metric: TypeAlias = Literal["rmse", "roc_auc", "accuracy"]
Loss: TypeAlias = Literal["mse", "mae", "huber", "log_loss"]
#: Channels, height and width of an image, as convolutions read it.
ImageShape: TypeAlias = tuple[int, int, int]

# The first of each is what "auto" means.
LOSSES: Mapping[TaskType, tuple[Loss, ...]] = {
    "regression": ("mse", "mae", "huber"),
    "binary": ("log_loss",),
    "multiclass": ("log_loss",),
}
METRICS: Mapping[TaskType, tuple[Metric, ...]] = {
    "regression": ("rmse",),
    "binary": ("roc_auc", "accuracy"),
    "multiclass": ("accuracy",),
}
#: The most trainings of one job, each under a seed of its own.
MAX_REPEATS = 20
_TYPE_ORDER: tuple[TaskType, ...] = ("regression", "binary", "multiclass")


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """One output of a head. ``units`` is the number of raw outputs: 1, or the classes of a multiclass target."""

    type: TaskType
    units: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The heads of a model: ``groups`` heads, each with the same slots; a task is one (group, slot)."""

    groups: int
    slots: tuple[Slot, ...]

    @property
    def units(self) -> int:
        """Raw outputs of one head, O = Σ slot units."""
        return sum(slot.units for slot in self.slots)

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where each slot's outputs start within the O of a head."""
        ends = [0]
        for slot in self.slots:
            ends.append(ends[-1] + slot.units)
        return tuple(ends[:-1])


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that tasks are cut from: a dataset, the rows that pass ``where``, and the features they bring."""

    dataset: str
    where: Mapping[str, tuple[str, ...]]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to learn: a target on some rows of a dataset.

    ``group`` is the row of the head table that answers, -1 when the mean head answers (nothing is trained for it alone).
    ``key`` is the group's key in a job with ``group_by``, as text; null for a listed task.
    ``pooled`` marks a task of a small group: it learns from the others and gets no verdict.
    ``classes`` are sorted as text; the index of a class is its label, and class 1 is the positive one of a binary task.
    """

    name: str
    dataset: str
    target: str
    type: TaskType
    loss: Loss
    metric: Metric
    weight: float
    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    group: int
    slot: int
    key: Mapping[str, str] | None
    pooled: bool


def aligned_slots(sources: Iterable[Iterable[Slot]]) -> tuple[tuple[Slot, ...], tuple[tuple[int, ...], ...]]:
    """Lay the targets of several sources over the fewest common slots, equal kinds over each other.

    Returns the slots (regression, then binary, then multiclass by class count) and, per source, the slot of each target.
    """
    kinds = [tuple(source) for source in sources]
    most = {kind: max(source.count(kind) for source in kinds) for source in kinds for kind in source}
    order = sorted(most, key=lambda kind: (_TYPE_ORDER.index(kind.type), kind.units))
    first, slots = {}, list[Slot]()
    for kind in order:
        first[kind] = len(slots)
        slots += [kind] * most[kind]
    places = tuple(
        tuple(first[kind] + source[:position].count(kind) for position, kind in enumerate(source)) for source in kinds
    )
    return tuple(slots), places


def key_text(value: object) -> str:
    """A cell as the text that names its group or class: 17.0 is ``17``, True is ``true``, dates are ISO 8601.

    The same rule holds for training tables, for ``where`` and for the rows of a prediction.
    """
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 2.0**63:
            return str(int(value))
        case datetime() if (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0):
            return value.date().isoformat()
        case date() | datetime():
            return value.isoformat()
        case _:
            return str(value)


def described(image: ImageShape) -> str:
    """A type in words that tells images of two shapes apart: ``image of 28 × 28 × 1``."""
    channels, height, width = image
    return f"image of {height} × {width} × {channels}"
