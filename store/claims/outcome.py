"""What an attempt hands over when it ends."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from store.artifacts import Stored
from store.ids import new_id
from store.lifecycle import Ending


@dataclass(frozen=True)
class NewModel:
    """A model to record; its file is already published. ``id`` may be known before it is stored."""

    name: str | None
    header: Mapping[str, Any]
    """What the models list shows: tasks, inputs, network, method, adaptable."""
    artifact: Stored
    parents: Sequence[str] = ()
    id: str = field(default_factory=lambda: new_id("model"))


@dataclass(frozen=True)
class NewDataset:
    """A dataset that the job made, as canonical Parquet. Its ``id`` may be written into the result beforehand."""

    name: str | None
    description: Mapping[str, Any]
    artifact: Stored
    format: str = "parquet"
    id: str = field(default_factory=lambda: new_id("dataset"))


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended. ``error`` is ``{"code", "message", "param", "category", "retryable"}`` of a failure;
    ``tasks`` are the results of the learning tasks, each with its ``name`` and ``verdict``."""

    status: Ending
    error: Mapping[str, Any] | None = None
    result: Mapping[str, Any] | None = None
    tasks: Sequence[Mapping[str, Any]] = ()
    model: NewModel | None = None
    dataset: NewDataset | None = None


@dataclass(frozen=True)
class Finished:
    """What became of the job: a cancel that came first wins, so ``status`` may differ from the outcome's."""

    status: Ending
    model_id: str | None
    dataset_id: str | None
