"""What a user asks for who has a model already: a new task, learned from a stored model's weights."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from learning.registry import registry
from learning.specs.parts import MAX_SEED, Frozen, Metadata, Name, Repeats, TaskSpec, TrainingSpec
from learning.specs.problems import Branches
from learning.specs.scoring import ModelId
from learning.specs.split import SPLIT_ONCE_FORMS, SplitByFraction, SplitOnce
from learning.transfer.base import TransferSpec

DEFAULT_TRANSFER = "finetune"


class TransferJob(Frozen):
    """Learn one task from the weights of a stored model, whose network it has. ``method`` is a spec class of the registry."""

    kind: Literal["transfer"]
    name: Name | None = None
    source: Annotated[ModelId, Field(description="The model to start from: its id or an alias.")]
    task: TaskSpec
    method: TransferSpec
    training: TrainingSpec = TrainingSpec()
    split: SplitOnce = SplitByFraction()
    repeats: Repeats = 1
    baselines: bool = True
    seed: int | None = Field(default=0, ge=0, le=MAX_SEED, description="null: drawn, and recorded")
    priority: int = Field(default=0, ge=-100, le=100)
    metadata: Metadata = Field(default_factory=dict)


@cache
def transfer_type() -> type[TransferJob]:
    """TransferJob with its method narrowed to those that exist."""
    methods = registry()
    default = methods.spec("transfer", DEFAULT_TRANSFER)
    fields: dict[str, Any] = {"method": (methods.union("transfer"), Field(default_factory=default))}
    return create_model("TransferJob", __base__=TransferJob, __doc__=TransferJob.__doc__, **fields)


def transfer_branches() -> Branches:
    """What pydantic's path of a value holds and the user's JSON does not."""
    return {"split": SPLIT_ONCE_FORMS, "method": registry().names("transfer")}
