"""A job done again to see whether the same comes out: what it is told by is the record, not a user's body."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from pydantic import Field, ValidationError
from pydantic_core import to_json

from learning.errors import SpecError
from learning.specs.job import MultitaskJob
from learning.specs.kinds import JobSpec, parse_spec
from learning.specs.meta import MetaJob
from learning.specs.parts import Frozen, Metadata
from learning.specs.problems import problems_of
from learning.specs.transfer import TransferJob

#: Trainings that can be done again. A further kind stands in both lines, and in ``worker.training.attempt.TRAININGS``.
Replayed: TypeAlias = MultitaskJob | TransferJob | MetaJob
REPLAYED = frozenset({"meta", "multitask", "transfer"})


class ReplayJob(Frozen):
    """Train again what ``job`` trained, and compare with its ``model``. ``spec`` and ``environment`` are those of its record."""

    kind: Literal["replay"] = "replay"
    job: str
    model: str
    spec: Mapping[str, Any]
    environment: Mapping[str, str | int | float | bool | None] | None
    name: str | None = None
    priority: int = 0
    metadata: Metadata = Field(default_factory=dict)

    def training(self) -> Replayed:
        """The recorded job as far as it decides the weights that were stored.

        Rivals are trained after them and apart from them. Of several repeats or folds the first training's weights are
        stored, and it had its share of the seconds.

        Raises:
            SpecError: this release does not read the recorded spec.
        """
        recorded = parse_spec(self.spec)
        if not isinstance(recorded, Replayed):
            raise TypeError(f"expected a job that trains a model, found one of kind {recorded.kind!r}")
        without: dict[str, Any] = {"baselines": False}
        repeats, folds = getattr(recorded, "repeats", 1), getattr(recorded.split, "folds", None)
        if repeats > 1:
            without["repeats"] = 1
        trainings = repeats if folds is None else 1 + repeats * folds
        if trainings > 1 and (seconds := recorded.training.max_seconds) is not None:
            without["training"] = recorded.training.model_copy(update={"max_seconds": seconds / trainings})
        return recorded.model_copy(update=without)


def parse_recorded(data: Mapping[str, Any]) -> JobSpec | ReplayJob:
    """A stored job of any kind, also of those that no body can ask for.

    Raises:
        SpecError: with a JSON pointer per problem.
    """
    if data.get("kind") != "replay":
        return parse_spec(data)
    try:
        return ReplayJob.model_validate_json(to_json(data), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, branches={})) from None
