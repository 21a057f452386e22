"""The tasks of a job as both of its forms give them."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.specs.parts import GroupedTasks, TaskSpec
from learning.tasks import ImageShape, Layout, Source, Task


@dataclass(frozen=True, slots=True)
class Draft:
    """``specs`` with nothing left to ``auto``, and what they mean; ``types`` and ``images`` of the features. See ``Plan``."""

    specs: tuple[TaskSpec, ...] | GroupedTasks
    tasks: tuple[Task, ...]
    layout: Layout
    sources: tuple[Source, ...]
    types: Mapping[str, str]
    images: Mapping[str, ImageShape]
