"""What a user asks for who wants to learn to learn: episodes of classes or tasks by a column, and how they are judged."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, Tag, create_model, model_validator
from pydantic_core import PydanticCustomError

from learning.meta.base import MetaSpec
from learning.networks.base import NetworkSpec
from learning.networks.mlp import Mlp
from learning.registry import registry
from learning.specs.parts import (
    MAX_SECONDS,
    MAX_SEED,
    ColumnName,
    ColumnNames,
    Device,
    Fraction,
    Frozen,
    Metadata,
    Name,
    Where,
)
from learning.specs.problems import Branches
from learning.specs.scoring import DatasetId, ModelId
from learning.specs.split import SplitByColumn, SplitByFraction
from learning.tasks import TaskType

DEFAULT_META = "maml"
MAX_WAYS = 1_000
MAX_ROWS = 10_000  # of a support or of the queries
MAX_STEPS = 1_000  # inner steps of an evaluation
MAX_PROTOCOLS = 20
_SPLITS = ("column", "classes")

Ways = Annotated[int, Field(ge=2, le=MAX_WAYS)]
RowCount = Annotated[int, Field(ge=1, le=MAX_ROWS)]


class EpisodesSpec(Frozen):
    """Tasks made of classes: some of them, drawn anew for each episode, told apart from a few rows of each."""

    dataset: DatasetId
    target: ColumnName
    ways: Ways = 5
    shots: Annotated[RowCount, Field(description="rows of each class to learn from")] = 1
    queries: Annotated[RowCount, Field(description="rows of each class to be asked")] = 15
    augment: Annotated[
        tuple[Literal["rotate90_classes"], ...],
        Field(
            max_length=1, description="images turned by 90, 180 and 270 degrees are further classes, in training only"
        ),
    ] = ()
    where: Where = Field(default_factory=dict, max_length=20)
    features: ColumnNames | None = None
    exclude: ColumnNames = ()


class MetaTarget(Frozen):
    """What every task asks for; ``auto`` is decided from the data and recorded."""

    target: ColumnName
    type: Literal["auto", TaskType] = "auto"


class MetaTasks(Frozen):
    """Tasks that the dataset brings: one per distinct key of ``group_by``."""

    dataset: DatasetId
    group_by: tuple[ColumnName, ...] = Field(min_length=1, max_length=10)
    targets: tuple[MetaTarget, ...] = Field(min_length=1, max_length=1)
    where: Where = Field(default_factory=dict, max_length=20)
    features: ColumnNames | None = None
    exclude: ColumnNames = ()


class ClassLists(Frozen):
    """The classes that training never sees."""

    test: tuple[str, ...] = Field(min_length=1, max_length=100_000)
    validation: tuple[str, ...] = Field(default=(), max_length=100_000)


class SplitByClasses(Frozen):
    """Classes for the test and for validation by name; without any for validation that fraction is cut from the others."""

    classes: ClassLists
    validation: Fraction = 0.15


def _split_form(value: Any) -> str | None:
    if isinstance(value, BaseModel):
        value = dict.fromkeys(type(value).model_fields, True)
    return next((form for form in _SPLITS if form in value), "fraction") if isinstance(value, dict) else None


MetaSplit = Annotated[
    Annotated[SplitByFraction, Tag("fraction")]
    | Annotated[SplitByColumn, Tag("column")]
    | Annotated[SplitByClasses, Tag("classes")],
    Discriminator(_split_form),
]


class MetaTraining(Frozen):
    """The outer optimisation: each iteration adapts to a batch of tasks and moves where adaptation begins."""

    iterations: int = Field(default=5_000, ge=1, le=10_000_000)
    tasks_per_batch: int = Field(default=16, ge=1, le=1_024)
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(default=0.001, gt=0, le=10)
    schedule: Literal["constant", "cosine"] = "constant"
    l2: float = Field(default=0.0, ge=0, le=100)
    validate_every: int | None = Field(
        default=None, ge=1, le=10_000_000, description="iterations; null: 50 times in all, at least 20 apart"
    )
    patience: int | None = Field(default=None, ge=1, le=100_000, description="validations without a better loss")
    device: Device = "auto"
    precision: Literal["auto", "float32"] = "auto"
    max_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS, description="stop, keep the best, succeed")


class Protocol(Frozen):
    """How episodes of the test side are drawn; what is null is as in training."""

    ways: Ways | None = None
    shots: RowCount | None = None
    queries: RowCount | None = None
    episodes: int = Field(default=600, ge=2, le=10_000)
    steps: tuple[Annotated[int, Field(ge=1, le=MAX_STEPS)], ...] = Field(
        default=(), max_length=10, description="numbers of inner steps to report too, beside the method's own"
    )


class MetaJob(Frozen):
    """Learn to learn a task from a few rows. ``network`` and ``method`` are spec classes of the registry."""

    kind: Literal["meta"]
    name: Name | None = None
    episodes: EpisodesSpec | None = None
    tasks: MetaTasks | None = None
    shots: Annotated[
        RowCount | None, Field(description="of tasks: rows of a support, all classes together; null: 10")
    ] = None
    queries: Annotated[RowCount | None, Field(description="of tasks: rows to be asked; null: as many as shots")] = None
    network: NetworkSpec
    method: MetaSpec
    normalisation: Literal["inductive", "transductive"] = "inductive"
    init: Annotated[ModelId | None, Field(description="a stored model to begin from: its id or an alias")] = None
    training: MetaTraining = MetaTraining()
    evaluation: tuple[Protocol, ...] = Field(
        default=(), max_length=MAX_PROTOCOLS, description="none: one, as in training"
    )
    split: MetaSplit = SplitByFraction()
    baselines: bool = True
    seed: int | None = Field(default=0, ge=0, le=MAX_SEED, description="null: drawn, and recorded")
    priority: int = Field(default=0, ge=-100, le=100)
    metadata: Metadata = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_its_tasks_once(self) -> "MetaJob":
        if (self.episodes is None) == (self.tasks is None):
            if self.tasks is None:
                raise PydanticCustomError("no-tasks", "expected episodes or tasks, found neither")
            raise PydanticCustomError("conflicting-fields", "expected either episodes or tasks, found both")
        if self.episodes is not None and (self.shots is not None or self.queries is not None):
            raise PydanticCustomError(
                "conflicting-fields", "expected the shots and queries of episodes within episodes"
            )
        return self

    @property
    def data(self) -> EpisodesSpec | MetaTasks:
        """What the episodes are drawn from."""
        data = self.episodes or self.tasks
        assert data is not None  # the validator above
        return data

    @property
    def pointer(self) -> str:
        """Where the body says so."""
        return "/episodes" if self.episodes is not None else "/tasks"

    @property
    def target(self) -> str:
        return self.episodes.target if self.episodes is not None else self.tasks.targets[0].target  # type: ignore[union-attr]


def _default_network() -> Mlp:
    # a sample of units drawn anew within each inner step would be noise upon the few rows of a support
    return Mlp(widths=(64, 64), dropout=0.0)


@cache
def meta_type() -> type[MetaJob]:
    """MetaJob with its network and method narrowed to those that exist."""
    methods = registry()
    fields: dict[str, Any] = {
        "network": (methods.union("network"), Field(default_factory=_default_network)),
        "method": (methods.union("meta"), Field(default_factory=methods.spec("meta", DEFAULT_META))),
    }
    return create_model("MetaJob", __base__=MetaJob, __doc__=MetaJob.__doc__, **fields)


def meta_branches() -> Branches:
    """What pydantic's path of a value holds and the user's JSON does not."""
    names = {"network": registry().names("network"), "method": registry().names("meta")}
    return {"split": ("fraction", *_SPLITS), **{field: known for field, known in names.items() if len(known) > 1}}
