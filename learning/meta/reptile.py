"""Reptile."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.func import grad

from learning.meta.base import Adapted, Episodes, Learner, MetaSpec, Rows
from learning.meta.batching import at_once, parts
from learning.meta.inner import Weights, adapted, query_loss, task_loss

Steps = Annotated[int, Field(strict=True, ge=1, le=1000)]

# Adam as the paper runs it: without the first moment (β₁ = 0), the second as everywhere.
BETA_2, EPSILON = 0.999, 1e-8


class Reptile(MetaSpec):
    """A start that lies near the weights which each task trains to: φ ← φ + ε (W̄ − φ), without second derivatives.

    Nichol, Achiam and Schulman, *On First-Order Meta-Learning Algorithms*, algorithm 2 (https://arxiv.org/abs/1803.02999):
    W is φ after ``inner_steps`` steps on a task, W̄ the mean over the tasks of a batch. The meta-gradient handed to the
    outer optimiser is φ − W̄, so plain gradient descent of rate ε is the paper's step, and Adam is its other choice.

    As in the paper a task of training is one set of rows: its support and its queries train together, ``inner_batch`` of
    them a step, shuffled and in turn. The losses reported of a training step are therefore of rows that were trained on.
    A new task trains on its support alone, shuffled in the same way every time. The state of the inner optimiser is each
    task's own, and begins anew. Dropout and normalisation: as in `maml`.

    Example:
        >>> import torch
        >>> from learning.meta.base import Episodes, Rows
        >>> from learning.networks.base import InputShape
        >>> from learning.networks.mlp import Mlp
        >>> reptile = Reptile(inner_steps=3, inner_optimizer="sgd", inner_rate=0.02)
        >>> learner = reptile.build(Mlp(widths=(8,)), InputShape(numeric=1), "regression", ways=1)
        >>> waves = Rows(torch.randn(4, 5, 1), torch.zeros(4, 5, 0, dtype=torch.long), torch.randn(4, 5))
        >>> reptile.add_gradient(learner, Episodes(waves, waves), ways=1).shape
        torch.Size([4])
    """

    has_head: ClassVar[bool] = True

    name: Literal["reptile"] = "reptile"
    inner_steps: Steps = Field(default=5, description="K, the steps on the rows of each task in training.")
    inner_rate: float = Field(
        default=0.001, strict=True, ge=0.0, le=100.0, allow_inf_nan=False, description="The rate of an inner step."
    )
    inner_optimizer: Literal["adam", "sgd"] = Field(
        default="adam", description="The inner optimiser: adam without momentum (β₁ = 0), as in the paper, or sgd."
    )
    inner_batch: Annotated[int, Field(strict=True, ge=1, le=100_000)] | None = Field(
        default=None, description="The rows of an inner step; null: all of the task."
    )
    evaluation_steps: Steps | None = Field(
        default=50, description="The steps in evaluation and adaptation; null: as many as in training."
    )

    def add_gradient(self, learner: Learner, episodes: Episodes, *, ways: int) -> Tensor:
        start = {name: parameter.detach() for name, parameter in learner.named_parameters()}
        tasks, shown = len(episodes.support), episodes.support.labels.shape[1]
        rows = episodes.support.then(episodes.query)
        order = self._order(rows, self.inner_steps, generator=None)

        def learned(numeric: Tensor, category: Tensor, labels: Tensor, places: Tensor) -> dict[str, Tensor]:
            both = Rows(numeric, category, labels)
            weights = self._trained(learner, start, both, places, ways=ways)
            return {**weights, "loss": query_loss(learner, weights, both[:shown], both[shown:], ways=ways)}

        losses = []
        for part in parts(learner.trunk, tasks, rows.labels.device):
            with torch.no_grad():
                found = at_once(learned, *rows[part].tensors, order[part])
                for name, parameter in learner.named_parameters():
                    pull = (parameter - found[name]).sum(0) / tasks
                    parameter.grad = pull if parameter.grad is None else parameter.grad + pull
            losses.append(found["loss"])
        return torch.cat(losses)

    def adapt(self, learner: Learner, support: Rows, *, ways: int, steps: int | None = None) -> Adapted:
        count = steps if steps is not None else self.evaluation_steps or self.inner_steps
        # a generator of its own: the same support always makes the same model
        order = self._order(support, count, generator=torch.Generator().manual_seed(0))

        def descent(start: Weights, rows: Rows, places: Tensor) -> Weights:
            return self._trained(learner, start, rows, places, ways=ways)

        return adapted(learner, support, descent, order, ways=ways)

    def _order(self, rows: Rows, steps: int, *, generator: torch.Generator | None) -> Tensor:
        """Return which rows each step reads ``[B, steps, batch]``: shuffled, each once before any twice; ``batch`` 0 for all."""
        tasks, count = rows.labels.shape
        batch = self.inner_batch or count
        if batch >= count:
            return torch.zeros(tasks, steps, 0, dtype=torch.long, device=rows.labels.device)
        rounds = -(-steps * batch // count)
        places = torch.rand(tasks, rounds, count, generator=generator).argsort(-1).flatten(1)
        return places[:, : steps * batch].view(tasks, steps, batch).to(rows.labels.device)

    def _trained(self, learner: Learner, weights: Weights, rows: Rows, places: Tensor, *, ways: int) -> Weights:
        """Return one task's weights after the steps whose rows ``places`` ``[steps, batch]`` names."""
        gradient = grad(lambda at, some: task_loss(learner, at, some, ways=ways))
        squares = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
        for step, place in enumerate(places, start=1):
            found = gradient(weights, rows if not len(place) else Rows(*(tensor[place] for tensor in rows.tensors)))
            if self.inner_optimizer == "adam":
                squares = {name: BETA_2 * square + (1 - BETA_2) * found[name] ** 2 for name, square in squares.items()}
                correction = 1 - BETA_2**step
                found = {name: slope / ((squares[name] / correction).sqrt() + EPSILON) for name, slope in found.items()}
            weights = {name: tensor - self.inner_rate * found[name] for name, tensor in weights.items()}
        return weights


METHOD = Reptile
