"""What a stored model says of itself to those who build on it."""

from typing import Any

import torch

from learning.errors import LearningError
from learning.header import ModelHeader, Output
from learning.multitask.sharing.base import SharingSpec
from learning.multitask.sharing.one_trunk import OneTrunk
from learning.networks.base import InputShape, NetworkSpec
from learning.networks.linear import Linear
from learning.registry import registry
from learning.specs import MultitaskJob, parse_job
from learning.tasks import Layout, Slot, Task


def network_of(header: ModelHeader) -> NetworkSpec:
    """The network of a stored model, as a job trains it on."""
    spec: Any = registry().spec("network", header.network["name"])
    network: NetworkSpec = spec.model_validate(header.network).alone()
    return network


def sharing_of(header: ModelHeader) -> SharingSpec:
    """How a stored model's tasks share its network."""
    spec: Any = registry().spec("sharing", header.sharing["name"])
    sharing: SharingSpec = spec.model_validate(header.sharing)
    return sharing


def inputs_of(header: ModelHeader) -> InputShape:
    """What the trunk of a stored model reads."""
    return header.encoding.inputs


def parameter_names(header: ModelHeader) -> list[str]:
    """The parameters of a model for one task with this one's trunk, without a number of it in memory."""
    with torch.device("meta"):
        trunk = network_of(header).build(inputs_of(header))
    return [*(f"trunk.{name}" for name, _ in trunk.named_parameters()), "heads.weight", "heads.bias"]


def has_one_trunk(header: ModelHeader) -> bool:
    """Whether all tasks of the model read what one trunk computes."""
    return is_of_one_trunk(sharing_of(header))


def is_of_one_trunk(sharing: SharingSpec) -> bool:
    """Whether tasks that share so read what one trunk computes: asked of the smallest such model."""
    smallest = sharing.build(Linear(width=1), InputShape(1), Layout(1, (Slot("regression", 1),)))
    return isinstance(smallest, OneTrunk)


def kept_output(header: ModelHeader, task: Task) -> int | None:
    """Which output of the source answers the same question: the same target, type and classes; the first of several."""
    for place, output in enumerate(header.outputs):
        if _question(output) == (task.target, task.type, task.classes):
            return place
    return None


def _question(output: Output) -> tuple[str, str, tuple[str, ...] | None]:
    return output.target, output.type, output.classes


def source_job(header: ModelHeader) -> MultitaskJob | None:
    """The job that trained the model, without what is nobody else's; null for a model that does not say."""
    if header.job is None:
        return None
    try:
        return parse_job(header.job)
    except LearningError:
        return None  # of a release whose jobs read otherwise


def datasets_of(job: MultitaskJob) -> frozenset[str]:
    """The datasets that a job reads."""
    if isinstance(job.tasks, tuple):
        return frozenset(task.dataset for task in job.tasks)
    return frozenset({job.tasks.dataset})
