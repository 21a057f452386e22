"""What stands beside a meta-model: predictors that see the same supports, and never another task."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from learning.meta.base import Episodes, Learner, Rows, loss
from learning.networks.normalisation import normalises, statistics
from learning.specs.meta import Protocol
from worker.training.batches import weights_seed
from worker.training.episodes.evaluation import Stopped, losses_of
from worker.training.episodes.fitting import parts
from worker.training.episodes.material import Material
from worker.training.episodes.sampler import Drawn

Floats = NDArray[np.float64]

#: λ of the ridge, chosen for each support by leaving its rows out one by one. Inputs and targets are standardised.
LAMBDAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)
SCRATCH_STEPS, SCRATCH_RATE = 300, 0.01
#: Episodes that networks are trained from scratch for; those that read images cost a thousand times more.
SCRATCH_EPISODES, SCRATCH_EPISODES_OF_IMAGES, SCRATCH_STEPS_OF_IMAGES = 100, 20, 100


def rivals(material: Material, drawn: Drawn, protocol: Protocol, *, stop: Callable[[], bool]) -> dict[str, Floats]:
    """The losses of each rival over the first episodes, all of them or, of networks from scratch, some.

    Raises:
        Stopped: ``stop`` said so.
    """
    regression = material.plan.question == "regression"
    closed: list[Floats] = []
    for part in parts(drawn):
        if stop():
            raise Stopped
        episodes = material.episodes(drawn[part])
        found = ridge(episodes) if regression else nearest_centroid(episodes, ways=protocol.ways or 2)
        closed.append(losses_of(material, found, episodes.query.labels))
    name = "ridge" if regression else "nearest_centroid"
    return {name: np.concatenate(closed), "from_scratch": from_scratch(material, drawn, protocol, stop=stop)}


def kernel(one: Rows, other: Rows) -> Tensor:
    """The inner products ``[B, n, m]`` of rows as encoded, a category by 1 where two are equal."""
    same = (one.category.unsqueeze(2) == other.category.unsqueeze(1)).sum(-1)
    return one.numeric @ other.numeric.transpose(1, 2) + same


@torch.no_grad()
def ridge(episodes: Episodes) -> Tensor:
    """Ridge regression on each support by itself, ``[B, q, 1]``; the penalty by leave-one-out.

    With the centred kernel K and H = K (K + λI)⁻¹, the error of the row that is left out is (y − ȳ − H(y − ȳ))_i /
    (1 − H_ii − 1/n): Allen's PRESS, *The relationship between variable selection and data augmentation* (1974).
    """
    support, query = episodes.support, episodes.query
    count = len(support.labels[0])
    inner, across = kernel(support, support).double(), kernel(query, support).double()
    rows = inner.mean(2, keepdim=True)
    centred = inner - rows - rows.transpose(1, 2) + inner.mean((1, 2), keepdim=True)
    asked = across - across.mean(2, keepdim=True) - rows.transpose(1, 2) + inner.mean((1, 2), keepdim=True)
    mean = support.labels.double().mean(1, keepdim=True)
    y = support.labels.double() - mean
    values, vectors = torch.linalg.eigh(centred)
    turned = torch.einsum("bji,bj->bi", vectors, y)
    found, errors = [], []
    for penalty in LAMBDAS:
        shrunk = 1.0 / (values.clamp(min=0) + penalty)
        alpha = torch.einsum("bij,bj->bi", vectors, shrunk * turned)
        leverage = 1.0 - penalty * torch.einsum("bij,bj->bi", vectors.square(), shrunk)
        left = penalty * alpha / (1.0 - leverage - 1.0 / count).clamp(min=1e-9)
        found.append((asked @ alpha.unsqueeze(2)).squeeze(2) + mean)
        errors.append(left.square().mean(1))
    best = torch.stack(errors).argmin(0) if count > 1 else torch.full((len(y),), len(LAMBDAS) - 1)
    chosen: Tensor = torch.stack(found)[best.to(y.device), torch.arange(len(y), device=y.device)]
    return chosen.float().unsqueeze(2)


@torch.no_grad()
def nearest_centroid(episodes: Episodes, *, ways: int) -> Tensor:
    """Minus the squared distance of each query to the mean row of each class of its support, ``[B, q, ways]``.

    A class without a row in the support is never answered.
    """
    support, query = episodes.support, episodes.query
    member = functional.one_hot(support.labels, ways).float()
    count = member.sum(1)
    share = member / count.clamp(min=1).unsqueeze(1)
    norm = torch.einsum("bnc,bnm,bmc->bc", share, kernel(support, support), share)
    near = 2 * kernel(query, support) @ share - norm.unsqueeze(1)
    return near.masked_fill((count == 0).unsqueeze(1), -torch.inf)


def from_scratch(material: Material, drawn: Drawn, protocol: Protocol, *, stop: Callable[[], bool]) -> Floats:
    """The same network trained on each support alone, from weights of its own, many side by side."""
    images = material.encoding.inputs.image is not None
    most = SCRATCH_EPISODES_OF_IMAGES if images else SCRATCH_EPISODES
    steps = SCRATCH_STEPS_OF_IMAGES if images else SCRATCH_STEPS
    torch.manual_seed(weights_seed(material.plan.spec.seed or 0))
    found: list[Floats] = []
    some = drawn[:most]
    size = 1 if images else len(some)
    for start in range(0, len(some), size):
        episodes = material.episodes(some[start : start + size])
        found.append(
            losses_of(material, _trained(material, episodes, protocol.ways or 1, steps, stop), episodes.query.labels)
        )
    return np.concatenate(found)


def _trained(material: Material, episodes: Episodes, ways: int, steps: int, stop: Callable[[], bool]) -> Tensor:
    """Train a network for each episode by Adam and return its answers to the queries, ``[B, q, ways]``.

    Kingma and Ba, *Adam* (https://arxiv.org/abs/1412.6980), algorithm 1, with every task's own moments.
    """
    learners = [_fresh(material, ways) for _ in range(len(episodes.support))]
    one = learners[0]
    weights = {
        name: torch.stack([dict(each.named_parameters())[name].detach() for each in learners])
        for name, _ in one.named_parameters()
    }
    buffers = dict(one.named_buffers())

    def task_loss(own: dict[str, Tensor], numeric: Tensor, category: Tensor, labels: Tensor) -> Tensor:
        return loss(functional_call(one, {**own, **buffers}, (numeric, category)), labels, one.question)

    gradient = vmap(grad(task_loss)) if len(learners) > 1 else _single(grad(task_loss))
    first = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    second = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    for step in range(1, steps + 1):
        if stop():
            raise Stopped
        with statistics():
            found = gradient(weights, *episodes.support.tensors)
        for name, tensor in found.items():
            first[name].lerp_(tensor, 0.1)
            second[name].lerp_(tensor.square(), 0.001)
            reach = (second[name] / (1 - 0.999**step)).sqrt_().add_(1e-8)
            weights[name] = weights[name] - SCRATCH_RATE / (1 - 0.9**step) * first[name] / reach
    return _asked(one, weights, buffers, episodes)


def _fresh(material: Material, ways: int) -> Learner:
    plan = material.plan
    trunk = plan.spec.network.build(material.encoding.inputs)
    return Learner(trunk, plan.question, ways=ways).to(material.numeric.device).eval()


def _single(function: Callable[..., dict[str, Tensor]]) -> Callable[..., dict[str, Tensor]]:
    """The function for a single task as it is, without what batching costs."""

    def alone(weights: dict[str, Tensor], *rows: Tensor) -> dict[str, Tensor]:
        found = function({name: tensor[0] for name, tensor in weights.items()}, *(each[0] for each in rows))
        return {name: tensor.unsqueeze(0) for name, tensor in found.items()}

    return alone


@torch.no_grad()
def _asked(one: Learner, weights: dict[str, Tensor], buffers: dict[str, Tensor], episodes: Episodes) -> Tensor:
    """Queries are normalised by the statistics of their support, where the network has such layers."""
    rows = episodes.support.then(episodes.query)
    count = episodes.support.labels.shape[1]

    def answer(own: dict[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        found: Tensor = functional_call(one, {**own, **buffers}, (numeric, category))
        return found[count:]

    if len(rows) == 1:
        with statistics(rows=count):
            return answer({name: tensor[0] for name, tensor in weights.items()}, rows.numeric[0], rows.category[0])[
                None
            ]
    if normalises(one):
        with statistics(rows=count):
            return vmap(answer)(weights, rows.numeric, rows.category)
    return vmap(answer)(weights, rows.numeric, rows.category)
