"""What a user asks for: the job as one frozen value, and reading it from JSON. Meaning against data: ``learning.planning``."""

import math
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, ValidationError, create_model
from pydantic_core import to_json

from learning.errors import Problem, SpecError, pointer_to
from learning.multitask.balancing.base import BalancingSpec
from learning.multitask.sharing.base import SharingSpec
from learning.networks.base import NetworkSpec
from learning.registry import registry
from learning.specs.parts import (
    MAX_SEED,
    TASK_FORMS,
    Frozen,
    GroupedTasks,
    Metadata,
    Name,
    Repeats,
    Tasks,
    TrainingSpec,
)
from learning.specs.problems import Branches, problems_of, shown
from learning.specs.scoring import ModelId
from learning.specs.split import SPLIT_FORMS, Split, SplitByFraction

# What a job uses when it names no method of a family.
DEFAULT_METHODS: Mapping[str, str] = {"network": "mlp", "sharing": "hard", "balancing": "static"}


class MultitaskJob(Frozen):
    """Learn several tasks together. ``network``, ``sharing`` and ``balancing`` are spec classes of the registry."""

    kind: Literal["multitask"]
    name: Name | None = None
    tasks: Tasks
    network: NetworkSpec
    sharing: SharingSpec
    balancing: BalancingSpec
    init: ModelId | None = Field(
        default=None,
        description="a stored model to start from, by id or alias: its trunk, and the heads of tasks it has",
    )
    training: TrainingSpec = TrainingSpec()
    split: Split = SplitByFraction()
    repeats: Repeats = 1
    baselines: bool = True
    seed: int | None = Field(default=0, ge=0, le=MAX_SEED, description="null: drawn, and recorded")
    priority: int = Field(default=0, ge=-100, le=100)
    metadata: Metadata = Field(default_factory=dict)

    @property
    def grouped(self) -> GroupedTasks | None:
        """The grouped form of the tasks, null when they are listed."""
        return self.tasks if isinstance(self.tasks, GroupedTasks) else None


@cache
def job_type() -> type[MultitaskJob]:
    """MultitaskJob with its method fields narrowed to the methods that exist."""
    methods = registry()
    fields: dict[str, Any] = {
        family: (methods.union(family), Field(default_factory=methods.spec(family, name)))
        for family, name in DEFAULT_METHODS.items()
    }
    return create_model("MultitaskJob", __base__=MultitaskJob, __doc__=MultitaskJob.__doc__, **fields)


def parse_job(data: Mapping[str, Any]) -> MultitaskJob:
    """A job from decoded JSON.

    Raises:
        SpecError: with a JSON pointer per problem.
    """
    if unfit := [*not_json(data, ())]:
        raise SpecError(unfit)
    try:
        # By way of JSON: strict there takes a list for a tuple and 1 for 1.0, and nothing else.
        return job_type().model_validate_json(to_json(data), strict=True)
    except ValidationError as error:
        raise SpecError(problems_of(error, branches=_branches())) from None


def _branches() -> Branches:
    # pydantic names the method in its path only where there are several to choose from.
    names = {family: registry().names(family) for family in DEFAULT_METHODS}
    methods = {family: known for family, known in names.items() if len(known) > 1}
    return {"tasks": TASK_FORMS, "split": SPLIT_FORMS, **methods}


def not_json(value: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """NaN, infinities and lone surrogates: Python's JSON reader lets them in, JSON has none of them."""
    match value:
        case dict():
            for key, item in value.items():
                yield from not_json(key, path)
                yield from not_json(item, (*path, key))
        case list():
            for index, item in enumerate(value):
                yield from not_json(item, (*path, index))
        case float() if not math.isfinite(value):
            code = "invalid-weight" if path and path[-1] == "weight" else "out-of-range"
            yield Problem(pointer_to(*path), code, f"expected a finite number, found {value}")
        case str() if any("\ud800" <= character <= "\udfff" for character in value):
            yield Problem(pointer_to(*path), "wrong-type", f"expected Unicode text, found {shown(value)}")
