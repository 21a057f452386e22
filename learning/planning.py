"""From a job and its tables to tasks: the one place where a spec's meaning is checked, by the API and by the worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.errors import Notice, Problem
from learning.specs import MultitaskJob
from learning.tasks import Layout, Task


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that tasks are cut from: a dataset, the rows that pass ``where``, and the features they bring."""

    dataset: str
    where: Mapping[str, tuple[str, ...]]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job will do, complete: every default in ``spec`` is explicit, every task has its place.

    With ``problems`` the plan must not be run, and the rest of it may be incomplete.
    ``types`` holds the canonical type of every feature column, the union over the sources, in first-seen order.
    """

    spec: MultitaskJob
    tasks: tuple[Task, ...]
    layout: Layout
    sources: tuple[Source, ...]
    types: Mapping[str, str]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]
