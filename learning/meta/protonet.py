"""Prototypical networks."""

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional

from learning.meta.base import Adapted, Episodes, Learner, MetaSpec, Rows, evaluating, represented

#: The logit of a class of which the support has no row: its probability is 0, and everything stays finite.
ABSENT = -1e30


class Protonet(MetaSpec):
    """A representation f in which each class lies around one point: softmax over −‖f(x) − c_k‖².

    Snell, Swersky and Zemel, *Prototypical Networks for Few-shot Learning*, NeurIPS 2017, eqs. 1 and 2
    (https://arxiv.org/abs/1703.05175): c_k is the mean of f over the support's rows of class k. That is a linear head of
    weight 2 c_k and bias −‖c_k‖², up to a term that all classes share (section 2.4): adapting is one pass, for any number
    of classes, and the trunk stays as it is. For classification only.

    A class of which a support has no row cannot be answered: its probability is 0, and queries of it teach nothing. In
    training an episode is normalised as a whole, support and queries together as in the paper's code (a large one on a CPU
    in parts that stay in the cache); adapted models use the running statistics of that. Transductive: support and queries
    each by themselves, in both.

    Example:
        >>> import torch
        >>> from learning.meta.base import Rows
        >>> from learning.networks.base import InputShape
        >>> from learning.networks.mlp import Mlp
        >>> learner = Protonet().build(Mlp(widths=(8,)), InputShape(numeric=2), "classification", ways=5)
        >>> support = Rows(torch.randn(1, 3, 2), torch.zeros(1, 3, 0, dtype=torch.long), torch.tensor([[0, 1, 2]]))
        >>> Protonet().adapt(learner, support, ways=3).weight.shape
        torch.Size([1, 3, 8])
    """

    has_head: ClassVar[bool] = False
    needs_classes: ClassVar[bool] = True

    name: Literal["protonet"] = "protonet"

    def add_gradient(self, learner: Learner, episodes: Episodes, *, ways: int) -> Tensor:
        tasks = len(episodes.support)
        # An episode by itself where its rows see each other; the graph of one is then gone before the next is made.
        size = 1 if learner.normalises else tasks
        losses = []
        for part in (slice(task, task + size) for task in range(0, tasks, size)):
            found = _losses(learner, episodes.support[part], episodes.query[part], ways=ways)
            torch.autograd.backward(found.sum() / tasks)
            losses.append(found.detach())
        return torch.cat(losses)

    def adapt(
        self,
        learner: Learner,
        support: Rows,
        *,
        ways: int,
        steps: int | None = None,  # noqa: ARG002  # there are none
    ) -> Adapted:
        with evaluating(learner), torch.no_grad():
            centres, shown = prototypes(represented(learner, support), support.labels, ways=ways)
        bias = torch.where(shown, -centres.square().sum(-1), ABSENT)
        return Adapted(2 * centres, bias, {})


def prototypes(z: Tensor, labels: Tensor, *, ways: int) -> tuple[Tensor, Tensor]:
    """Return the mean ``[B, ways, h]`` of the representations ``[B, n, h]`` of each class, and which have a row ``[B, ways]``."""
    of_class = (labels.unsqueeze(-1) == torch.arange(ways, device=labels.device)).to(z.dtype)
    counts = of_class.sum(1)
    sums = torch.einsum("bnk,bnh->bkh", of_class, z)
    return sums / counts.clamp(min=1).unsqueeze(-1), counts > 0


def logits(z: Tensor, centres: Tensor) -> Tensor:
    """Return −‖z − c_k‖² ``[B, n, ways]`` of representations ``[B, n, h]`` and prototypes ``[B, ways, h]``."""
    across = torch.einsum("bnh,bkh->bnk", z, centres)
    return 2 * across - centres.square().sum(-1).unsqueeze(1) - z.square().sum(-1, keepdim=True)


def _losses(learner: Learner, support: Rows, query: Rows, *, ways: int) -> Tensor:
    if learner.normalisation == "transductive":
        z_support, z_query = represented(learner, support), represented(learner, query)
    else:
        shown_rows = support.labels.shape[1]
        both = represented(learner, support.then(query))
        z_support, z_query = both[:, :shown_rows], both[:, shown_rows:]
    centres, shown = prototypes(z_support, support.labels, ways=ways)
    scores = logits(z_query, centres).masked_fill(~shown.unsqueeze(1), ABSENT)
    labels = query.labels.long()
    answerable = shown.gather(1, labels)
    each = functional.cross_entropy(scores.transpose(1, 2), labels.masked_fill(~answerable, -100), reduction="none")
    return each.sum(1) / answerable.sum(1).clamp(min=1)


METHOD = Protonet
