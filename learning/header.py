"""What a stored model says of itself beside its weights: enough to read rows, answer in the user's words, and be shown."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from learning.encoding.columns import Column
from learning.encoding.encoding import Encoding
from learning.planning import Plan
from learning.tasks import ImageShape, Layout, Slot, Task, TaskType, described

# Beyond what any dataset holds, and small enough that no finite float32 overflows with it.
MAX_SCALE = 1e200


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Part):
    """A column that rows must bring; ``values`` are the known ones of a category, the sizes those of its images."""

    name: str
    type: Literal["number", "category", "boolean", "date", "text", "image"]
    values: tuple[str, ...] | None = None
    height: int | None = None
    width: int | None = None
    channels: int | None = None

    @property
    def kind(self) -> str:
        """The type, in words that tell images of two shapes apart."""
        return self.type if self.image is None else described(self.image)

    @property
    def image(self) -> ImageShape | None:
        """The shape of the images, of a column that holds some."""
        if self.height is None or self.width is None or self.channels is None:
            return None
        return self.channels, self.height, self.width


class Output(_Part):
    """One answer of the model: a listed task, or a target over all groups.

    group: the head of a listed task, None where the row's own group chooses. features: which of the feature sets it
    reads. mean, deviation: a regression is learned standardised, y = mean + deviation · ŷ.
    """

    name: str
    target: str
    type: TaskType
    slot: int = Field(ge=0)
    group: int | None = Field(default=None, ge=0)
    features: int = Field(default=0, ge=0)
    classes: tuple[str, ...] | None = None
    mean: float = Field(default=0.0, ge=-MAX_SCALE, le=MAX_SCALE)
    deviation: float = Field(default=1.0, gt=0.0, le=MAX_SCALE)


class GroupHead(_Part):
    """A group of the training rows and its row in the table of heads; −1: the mean head. ``key`` is in the order of group_by."""

    key: tuple[str, ...]
    group: int = Field(ge=-1)


class ModelHeader(_Part):
    """Everything of a model that is no weight. ``network``, ``sharing`` and ``balancing`` are specs of the registry.

    inputs: the columns that rows bring, features and group keys. ignored: columns that training had and did not use;
    rows may bring them. feature_sets: the encoded features of each source. heads: of a model with ``group_by``.
    tasks: the trained tasks as (name, position of the output). transfer: the method that made it from another model.
    adapted: how a child learned what its parent did not know. job: what it was trained for, as a spec that can be planned again.
    """

    format: Literal[1] = 1
    kind: Literal["multitask", "transfer", "adapt"] = "multitask"
    name: str | None
    inputs: tuple[Input, ...]
    ignored: tuple[str, ...] = ()
    feature_sets: tuple[tuple[str, ...], ...]
    group_by: tuple[str, ...] = ()
    groups: int = Field(ge=1)
    slots: tuple[tuple[TaskType, int], ...]
    outputs: tuple[Output, ...] = Field(min_length=1)
    heads: tuple[GroupHead, ...] = ()
    tasks: tuple[tuple[str, int], ...] = Field(min_length=1)
    network: dict[str, Any]
    sharing: dict[str, Any]
    balancing: dict[str, Any]
    transfer: dict[str, Any] | None = None
    adapted: dict[str, Any] | None = None
    job: dict[str, Any] | None = None
    encoding: Encoding

    @property
    def layout(self) -> Layout:
        return Layout(self.groups, tuple(Slot(kind, units) for kind, units in self.slots))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """A file may come from elsewhere: what points at something must find it."""
        known = {column.name for column in self.encoding.columns}
        names = {column.name for column in self.inputs}
        checks = {
            "an output of a slot, group or feature set that is not there": all(
                output.slot < len(self.slots)
                and (output.group or 0) < self.groups
                and output.features < len(self.feature_sets)
                and self.slots[output.slot] == (output.type, _units(output))
                and (output.group is None) == bool(self.group_by)
                for output in self.outputs
            ),
            "a feature without encoding or input": all(
                feature in known and feature in names for own in self.feature_sets for feature in own
            ),
            "a group key that is no input": set(self.group_by) <= names,
            "a head that is not there": all(
                head.group < self.groups and len(head.key) == len(self.group_by) for head in self.heads
            ),
            "a task without output": all(0 <= output < len(self.outputs) for _, output in self.tasks),
            "a slot without units": all(units >= 1 for _, units in self.slots),
            "an output with other classes than its type has": all(_classes_fit(output) for output in self.outputs),
            "two columns of one name": len(known) == len(self.encoding.columns) and len(names) == len(self.inputs),
            "a feature of another type than its input": {(c.name, c.kind) for c in self.encoding.columns}
            <= {(column.name, column.kind) for column in self.inputs},
            "an image without size, or a size without image": all(
                (column.type == "image") == (column.image is not None) for column in self.inputs
            ),
            "two outputs of one name": len({output.name for output in self.outputs}) == len(self.outputs),
        }
        for found, sound in checks.items():
            if not sound:
                raise ValueError(f"expected a header whose parts fit together, found {found}")
        return self

    def public(self) -> dict[str, Any]:
        """What the service shows of a model: tasks, inputs, network and method."""
        outputs = self.outputs
        return {
            "kind": self.kind,
            "tasks": [
                {"name": name, "type": outputs[at].type}
                | ({"classes": list(outputs[at].classes or ())} if outputs[at].classes else {})
                for name, at in self.tasks
            ],
            "inputs": [column.model_dump(mode="json", exclude_none=True) for column in self.inputs],
            "group_by": list(self.group_by),
            "network": self.network,
            "method": self.adapted or self.transfer or {"sharing": self.sharing, "balancing": self.balancing},
        }


def header_of(
    plan: Plan, encoding: Encoding, scales: NDArray[np.float64], *, group_types: Mapping[str, str] | None = None
) -> ModelHeader:
    """Return the header of a model trained for ``plan``.

    Args:
        scales: ``[T, 2]``, the mean and the deviation by which each task's target was standardised; 0 and 1 for a class.
        group_types: The canonical types of the group_by columns, for a grouped plan.
    """
    kept = {column.name for column in encoding.columns}
    sets = list(dict.fromkeys(tuple(name for name in task.features if name in kept) for task in plan.tasks))
    first: dict[str, int] = {}
    for index, task in enumerate(plan.tasks):
        first.setdefault(_owner(task), index)
    place = {name: position for position, name in enumerate(first)}
    outputs = [_output(plan.tasks[index], sets, kept, scales[index]) for index in first.values()]
    group_by = tuple(plan.tasks[0].key or ())
    inputs = {column.name: input_of(column) for column in encoding.columns}
    for name in group_by:
        inputs.setdefault(name, Input.model_validate({"name": name, "type": (group_types or {})[name]}))
    heads: dict[tuple[str, ...], int] = {}
    for task in plan.tasks:
        # A group that is too small for one of its targets still has a head for the others: the plan answers the one
        # without training rows by the mean head.
        if task.key is not None:
            key = tuple(task.key.values())
            heads[key] = max(heads.get(key, -1), task.group)
    spec = plan.spec
    return ModelHeader(
        name=spec.name,
        inputs=tuple(inputs.values()),
        ignored=tuple(column.name for column in encoding.dropped),
        feature_sets=tuple(sets),
        group_by=group_by,
        groups=plan.layout.groups,
        slots=tuple((slot.type, slot.units) for slot in plan.layout.slots),
        outputs=tuple(outputs),
        heads=tuple(GroupHead(key=key, group=group) for key, group in heads.items()),
        tasks=tuple((task.name, place[_owner(task)]) for task in plan.tasks),
        network=spec.network.model_dump(mode="json"),
        sharing=spec.sharing.model_dump(mode="json"),
        balancing=spec.balancing.model_dump(mode="json"),
        job=spec.model_dump(mode="json", exclude={"name", "baselines", "priority", "metadata"}),
        encoding=encoding,
    )


def input_of(column: Column) -> Input:
    if column.pixels is None:
        return Input(name=column.name, type=column.type, values=column.values or None)
    channels, height, width = column.pixels.shape
    return Input(name=column.name, type=column.type, height=height, width=width, channels=channels)


def _output(task: Task, sets: Sequence[tuple[str, ...]], kept: Collection[str], scale: NDArray[np.float64]) -> Output:
    return Output(
        name=_owner(task),
        target=task.target,
        type=task.type,
        slot=task.slot,
        group=None if task.key is not None else task.group,
        features=sets.index(tuple(name for name in task.features if name in kept)),
        classes=task.classes,
        mean=float(scale[0]),
        deviation=float(scale[1]),
    )


def _owner(task: Task) -> str:
    return task.name if task.key is None else task.target


def _classes_fit(output: Output) -> bool:
    classes = output.classes or ()
    wanted = {"regression": 0, "binary": 2}.get(output.type, max(2, len(classes)))
    return len(classes) == len(set(classes)) == wanted


def _units(output: Output) -> int:
    return len(output.classes or ()) if output.type == "multiclass" else 1
