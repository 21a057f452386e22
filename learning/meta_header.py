"""What a stored meta-model says of itself: what it reads, what kind of task it adapts to, and how."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from learning.encoding.encoding import Encoding
from learning.header import MAX_SCALE, Input
from learning.tasks import TaskType


class MetaHeader(BaseModel):
    """Everything of a meta-model that is no weight. ``network`` and ``method`` are specs of the registry.

    target: the name of what a task asks for, and of the answer of a model adapted to one. classes: those of every task,
    None where each task brings its own. ways: the outputs of the learner's head; of a method without a head, those
    it was trained with. shots, queries: the rows of a training task, of each class for class episodes (``episodes``).
    mean, deviation: a regression is learned standardised, y = mean + deviation · ŷ, in the scale of all training tasks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    kind: Literal["meta"] = "meta"
    name: str | None
    inputs: tuple[Input, ...]
    ignored: tuple[str, ...] = ()
    target: str
    type: TaskType
    classes: tuple[str, ...] | None = None
    episodes: bool = Field(description="class episodes, as opposed to tasks that a column names")
    ways: int = Field(ge=1)
    shots: int = Field(ge=1)
    queries: int = Field(ge=1)
    mean: float = Field(default=0.0, ge=-MAX_SCALE, le=MAX_SCALE)
    deviation: float = Field(default=1.0, gt=0.0, le=MAX_SCALE)
    network: dict[str, Any]
    method: dict[str, Any]
    normalisation: Literal["inductive", "transductive"] = "inductive"
    job: dict[str, Any] | None = None
    encoding: Encoding

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """A file may come from elsewhere: what points at something must find it."""
        names = [column.name for column in self.inputs]
        columns = {(column.name, column.type) for column in self.encoding.columns}
        fixed = len(self.classes) if self.classes is not None else None
        checks = {
            "two inputs of one name": len(set(names)) == len(names),
            "a feature without an input of its type": columns <= {(column.name, column.type) for column in self.inputs},
            "a regression with classes": self.type != "regression" or (self.classes is None and self.ways == 1),
            "fewer than two ways": self.type == "regression" or self.ways >= 2,
            "other classes than ways": fixed is None or fixed == self.ways == len(set(self.classes or ())),
        }
        for found, sound in checks.items():
            if not sound:
                raise ValueError(f"expected a header whose parts fit together, found {found}")
        return self

    def public(self) -> dict[str, Any]:
        """What the service shows of a meta-model: the kind of task it adapts to, inputs, network and method."""
        task = {"name": self.target, "type": self.type}
        return {
            "kind": self.kind,
            # classes that each task brings for itself are none of the model's
            "tasks": [task | ({} if self.type == "regression" else {"classes": self.classes and list(self.classes)})],
            "inputs": [column.model_dump(mode="json", exclude_none=True) for column in self.inputs],
            "group_by": [],
            "network": self.network,
            "method": self.method,
        }
