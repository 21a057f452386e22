"""The parts of a job spec, whatever its kind: frozen values with their bounds."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from learning.tasks import MAX_REPEATS, Loss, Metric, TaskType

MAX_LISTED_TASKS = 1_000
MAX_TARGETS = 100
MAX_NAME_BYTES = 200
# The name of any task: it is a key of its results and series, and PostgreSQL's keys end at 2,704 bytes.
MAX_TASK_NAME_BYTES = 1_000
MAX_SEED = 2**32 - 1  # what every library that takes a seed accepts
MAX_SECONDS = 7 * 24 * 3600.0


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # Persian, Hindi and many emoji are written with them


def unseen(character: str) -> bool:
    """Whether a name may not hold the character: it shows nothing, or it turns what stands beside it."""
    return unicodedata.category(character) in _UNSEEN and character not in _JOINERS


def _named(text: str, *, forbidden: str = "") -> str:
    """The NFC form of a name of 1 to 200 bytes without control or direction characters."""
    text = unicodedata.normalize("NFC", text)
    if not 1 <= len(text.encode("utf-8", "surrogatepass")) <= MAX_NAME_BYTES or text != text.strip():
        raise PydanticCustomError("invalid-name", "expected 1 to 200 bytes with no space at the ends")
    if any(unseen(character) for character in text):
        raise PydanticCustomError("invalid-name", "expected no control or direction characters")
    if any(character in forbidden for character in text):
        raise PydanticCustomError("invalid-name", 'expected none of / and \\, which part the names of groups: "a/b"')
    return text


def _task_named(text: str) -> str:
    if text in {".", ".."}:
        raise PydanticCustomError("invalid-name", "expected a name that is no relative path")
    return _named(text, forbidden="/\\")


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", text):
        raise PydanticCustomError("unknown-value", "expected auto, cpu, cuda or cuda:N")
    return text


Name = Annotated[str, AfterValidator(_named)]
TaskName = Annotated[str, AfterValidator(_task_named)]
Device = Annotated[str, AfterValidator(_device), Field(json_schema_extra={"examples": ["auto", "cpu", "cuda:0"]})]
ColumnName = Annotated[str, Field(min_length=1, max_length=1024)]
ColumnNames = Annotated[tuple[ColumnName, ...], Field(max_length=10_000)]
Where = Mapping[ColumnName, Annotated[tuple[str, ...], Field(min_length=1, max_length=10_000)]]
Weight = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False, description="factor of the task's loss")]
Repeats = Annotated[
    int,
    Field(ge=1, le=MAX_REPEATS, description="trainings under seeds of their own; the first one's model is stored"),
]
Fraction = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


class Frozen(BaseModel):
    """A value of the spec: no unknown field, no coercion ("10", true and 1.5 are no integers), no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TargetSpec(Frozen):
    """A column to predict and how; ``auto`` is decided from the data and recorded."""

    target: ColumnName
    type: Literal["auto", TaskType] = "auto"
    loss: Literal["auto", Loss] = "auto"
    metric: Literal["auto", Metric] = "auto"
    weight: Weight = 1.0


class TaskSpec(TargetSpec):
    """One listed task: a target on the rows of a dataset where every column of ``where`` has one of its values."""

    name: TaskName | None = Field(default=None, description="null: the target's name, numbered when two are equal")
    dataset: str = Field(min_length=1, max_length=64)
    where: Where = Field(default_factory=dict, max_length=20)
    features: ColumnNames | None = Field(
        default=None, description="null: every column but this job's targets, group_by and split columns"
    )
    exclude: ColumnNames = ()


class SmallGroups(Frozen):
    """What to do with a group of fewer labelled rows than ``min_rows``, one class or a constant target."""

    min_rows: int = Field(default=20, ge=3, le=1_000_000)
    then: Literal["pool", "skip", "error"] = "pool"


class GroupedTasks(Frozen):
    """One task per distinct key of ``group_by`` and target, named ``shop=17/demand``."""

    dataset: str = Field(min_length=1, max_length=64)
    group_by: tuple[ColumnName, ...] = Field(min_length=1, max_length=10)
    targets: tuple[TargetSpec, ...] = Field(min_length=1, max_length=MAX_TARGETS)
    small_groups: SmallGroups = SmallGroups()
    where: Where = Field(default_factory=dict, max_length=20)
    features: ColumnNames | None = None
    exclude: ColumnNames = ()


class TrainingSpec(Frozen):
    """The optimisation: Σ wᵢLᵢ + l1·‖θ‖₁ + l2·‖θ‖², θ the weights but not the biases."""

    epochs: int = Field(default=100, ge=1, le=100_000)
    batch_size: int = Field(default=256, ge=1, le=1_000_000, description="clamped to the rows of the job")
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=0.001, gt=0, le=10)
    schedule: Literal["constant", "cosine"] = "constant"
    l1: float = Field(default=0.0, ge=0, le=100)
    l2: float = Field(default=0.0001, ge=0, le=100)
    patience: int | None = Field(default=10, ge=1, le=100_000, description="epochs without a better validation loss")
    class_weight: Literal["balanced"] | None = None
    sampling: Literal["proportional"] = "proportional"
    device: Device = "auto"
    precision: Literal["auto", "float32"] = "auto"
    max_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS, description="stop, keep the best, succeed")


def _task_form(value: Any) -> str | None:
    if isinstance(value, list | tuple):
        return "listed"
    return "grouped" if isinstance(value, dict | GroupedTasks) else None


ListedTasks = Annotated[tuple[TaskSpec, ...], Field(min_length=1, max_length=MAX_LISTED_TASKS)]
Tasks = Annotated[
    Annotated[ListedTasks, Tag("listed")] | Annotated[GroupedTasks, Tag("grouped")], Discriminator(_task_form)
]
# The tags above: they stand in pydantic's path of a value, and not in the user's JSON.
TASK_FORMS = ("listed", "grouped")
Metadata = Annotated[
    Mapping[Annotated[str, Field(min_length=1, max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
]
