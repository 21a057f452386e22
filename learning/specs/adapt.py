"""What a user asks for who has a model and a support set too large for one request: a child of the model, by a job."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from learning.specs.parts import MAX_TARGETS, ColumnName, Frozen, Metadata, Name
from learning.specs.scoring import DatasetId, ModelId

MAX_STEPS = 100

KeyPart = str | float | bool


class AdaptJob(Frozen):
    """Adapt a stored model to the labelled rows of a dataset; the child is a model."""

    kind: Literal["adapt"]
    name: Name | None = None
    model: Annotated[ModelId, Field(description="The model to adapt: its id or an alias.")]
    support: Annotated[DatasetId, Field(description="Labelled rows of one task.")]
    target: ColumnName | None = Field(default=None, description="null: the model's own target")
    targets: Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=MAX_TARGETS)] | None = Field(
        default=None, description="several targets, of a new group of a grouped model"
    )
    task_key: Annotated[Mapping[ColumnName, KeyPart], Field(min_length=1, max_length=10)] | None = Field(
        default=None, description="of a grouped model: the new group, a value for each column of group_by"
    )
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS, description="null: as the method is evaluated with")
    priority: int = Field(default=0, ge=-100, le=100)
    metadata: Metadata = Field(default_factory=dict)

    @field_validator("targets")
    @classmethod
    def _one_way_to_name_targets(cls, targets: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if targets is not None and info.data.get("target") is not None:
            raise PydanticCustomError("extra-field", "expected either target or targets, found both")
        return targets

    @property
    def wanted(self) -> tuple[str, ...]:
        """The columns of labels; none for the model's own target."""
        return self.targets or ((self.target,) if self.target is not None else ())
