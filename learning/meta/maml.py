"""MAML, with second-order gradients."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from learning.meta.base import Adapted, Episodes, Learner, MetaSpec, Rows
from learning.meta.batching import at_once, parts
from learning.meta.inner import Weights, adapted, gradient_steps, query_loss

Steps = Annotated[int, Field(strict=True, ge=1, le=1000)]


class Maml(MetaSpec):
    """A start from which a few steps of gradient descent on a new task's support go far.

    Finn, Abbeel and Levine, *Model-Agnostic Meta-Learning for Fast Adaptation of Deep Networks*, ICML 2017, algorithm 1
    (https://arxiv.org/abs/1703.03400): for each task θ′ = θ after ``inner_steps`` steps θ ← θ − α ∇L_support(θ), and the
    meta-gradient is ∇_θ L_query(θ′) with the derivative of every step in it, so with second derivatives of the loss:
    (I − α H)ᵀ ∇L_query(θ′) for one step. Every weight adapts, those of the trunk and of the head.

    Tasks are computed together with `torch.func.vmap`, except where a network is faster one task after the other. A
    network with dropout drops units in training, in the inner steps too, and none when it adapts later. Layers of
    normalisation use the statistics of the rows at hand in the inner steps; what the queries are normalised by is the
    job's ``normalisation``: the support (inductive, the default), or themselves, as in the paper (transductive).

    Example:
        >>> import torch
        >>> from learning.meta.base import Rows, answers
        >>> from learning.networks.base import InputShape
        >>> from learning.networks.mlp import Mlp
        >>> maml = Maml(inner_steps=1, inner_rate=0.1)
        >>> learner = maml.build(Mlp(widths=(8,)), InputShape(numeric=1), "regression", ways=1)
        >>> waves = Rows(torch.randn(4, 5, 1), torch.zeros(4, 5, 0, dtype=torch.long), torch.randn(4, 5))
        >>> answers(learner, maml.adapt(learner, waves, ways=1), waves).shape
        torch.Size([4, 5, 1])
    """

    has_head: ClassVar[bool] = True

    name: Literal["maml"] = "maml"
    inner_steps: Steps = Field(default=1, description="K, the steps on the support of each task in training.")
    inner_rate: float = Field(
        default=0.1, strict=True, ge=0.0, le=100.0, allow_inf_nan=False, description="α, how far a step goes."
    )
    evaluation_steps: Steps | None = Field(
        default=None, description="The steps in evaluation and adaptation; null: as many as in training."
    )

    def add_gradient(self, learner: Learner, episodes: Episodes, *, ways: int) -> Tensor:
        start, tasks = dict(learner.named_parameters()), len(episodes.support)
        stretches = list(parts(learner.trunk, tasks, episodes.support.labels.device))
        alone = len(stretches) == tasks and all(parameter.requires_grad for parameter in start.values())

        def after(*rows: Tensor) -> dict[str, Tensor]:
            support, query = Rows(*rows[:3]), Rows(*rows[3:])
            weights = gradient_steps(
                learner,
                start,
                support,
                ways=ways,
                steps=self.inner_steps,
                rate=self.inner_rate,
                alone=alone,
            )
            return {"loss": query_loss(learner, weights, support, query, ways=ways)}

        losses = []
        for part in stretches:
            found = at_once(after, *episodes.support[part].tensors, *episodes.query[part].tensors)["loss"]
            # the graph of one stretch is gone before that of the next is made
            torch.autograd.backward(found.sum() / tasks)
            losses.append(found.detach())
        return torch.cat(losses)

    def adapt(self, learner: Learner, support: Rows, *, ways: int, steps: int | None = None) -> Adapted:
        count = steps if steps is not None else self.evaluation_steps or self.inner_steps

        def descent(start: Weights, rows: Rows) -> Weights:
            return gradient_steps(learner, start, rows, ways=ways, steps=count, rate=self.inner_rate)

        return adapted(learner, support, descent, ways=ways)


METHOD = Maml
