"""The stored meta-model on episodes of the test side: before adapting, after it, and what rivals make of the same rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learning.episodes.checks import protocol_name
from learning.learner import method_of
from learning.meta.base import Adapted, Episodes, Learner, answers
from learning.meta_header import MetaHeader
from learning.specs.meta import Protocol
from worker.training.episodes.fitting import parts
from worker.training.episodes.material import Material
from worker.training.episodes.sampler import EVALUATION, Drawn, stream

Floats = NDArray[np.float64]


class Stopped(Exception):
    """Told to stop; what was measured until then is not kept."""


@dataclass(frozen=True, eq=False)
class Measured:
    """What one protocol found, ``[E]`` losses of each way to answer: error rates, or mean squared errors in the target's units.

    after: as the method adapts by itself. steps: after so many inner steps, where the protocol asks for them.
    before: of the learner as it is; None for a method without a head, which knows nothing before. rivals: by name, over
    the first episodes, all or some.
    """

    name: str
    protocol: Protocol
    drawn: Drawn
    after: Floats
    steps: Mapping[int, Floats]
    before: Floats | None
    rivals: Mapping[str, Floats]


def drawn_for(material: Material, index: int) -> Drawn:
    """The episodes of a protocol: the same for the model and for all rivals, whatever they are."""
    plan = material.plan
    protocol = plan.spec.evaluation[index]
    random = stream(plan.spec.seed or 0, EVALUATION, index)
    return material.draw(plan.tests[index], protocol.episodes, protocol, random)


def measured(
    learner: Learner,
    header: MetaHeader,
    material: Material,
    index: int,
    *,
    stop: Callable[[], bool],
    advance: Callable[[float], None],
) -> Measured:
    """Adapt the stored learner to every episode of a protocol and measure its answers.

    Raises:
        Stopped: ``stop`` said so.
    """
    plan = material.plan
    protocol, drawn, method = plan.spec.evaluation[index], drawn_for(material, index), method_of(header)
    ways = protocol.ways or 1
    found: dict[int | None, list[Floats]] = {None: [], **{count: [] for count in protocol.steps}}
    before: list[Floats] = []
    for part in parts(drawn, learner):
        if stop():
            raise Stopped
        episodes = material.episodes(drawn[part])
        for steps, losses in found.items():
            adapted = method.adapt(learner, episodes.support, ways=ways, steps=steps)
            losses.append(losses_of(material, answers(learner, adapted, episodes.query), episodes.query.labels))
        if learner.head is not None:
            before.append(losses_of(material, unadapted(learner, episodes, ways), episodes.query.labels))
        advance(part.stop / len(drawn))
    joined = {steps: np.concatenate(losses) for steps, losses in found.items()}
    return Measured(
        protocol_name(protocol, episodes=plan.spec.episodes is not None),
        protocol,
        drawn,
        joined.pop(None),
        {steps: losses for steps, losses in joined.items() if steps is not None},
        np.concatenate(before) if before else None,
        {},
    )


@torch.no_grad()
def unadapted(learner: Learner, episodes: Episodes, ways: int) -> Tensor:
    """What the learner answers to the queries without having seen a support, ``[B, q, ways]``."""
    assert learner.head is not None  # asked by the caller
    tasks = len(episodes.query)
    weight, bias = learner.head.weight[:ways], learner.head.bias[:ways]
    same = Adapted(weight.expand(tasks, -1, -1), bias.expand(tasks, -1), {})
    return answers(learner, same, episodes.query)


def losses_of(material: Material, outputs: Tensor, labels: Tensor) -> Floats:
    """The loss of each episode ``[B]`` from raw outputs ``[B, q, ways]`` and labels ``[B, q]`` as they are learned.

    What is no number is no answer: such a row counts as an error.
    """
    if material.plan.question == "classification":
        wrong = (outputs.argmax(dim=2) != labels) | outputs.isnan().any(dim=2)
        return wrong.double().mean(dim=1).cpu().numpy()
    error = (outputs.squeeze(-1) - labels).double() * material.scale.deviation
    return error.square().mean(dim=1).cpu().numpy()
