"""What stands beside a meta-model: predictors that see the same supports, and never another task."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call, grad_and_value, vmap
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
#: Gradients by name, and the loss or losses, of weights and the rows of a support.
_Gradient: TypeAlias = Callable[..., tuple[dict[str, Tensor], Tensor]]

#: λ of the ridge, chosen for each support by leaving its rows out one by one. Inputs and targets are standardised.
LAMBDAS = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0)
SCRATCH_STEPS, SCRATCH_RATE = 300, 0.01
#: Episodes that networks are trained from scratch for: the most and the fewest, by the weights that all steps move.
SCRATCH_EPISODES, FEWEST_SCRATCH_EPISODES, SCRATCH_WEIGHTS = 100, 20, 2_000_000_000
#: Of networks that are slow side by side, as convolutions are, the fewest and in fewer steps: until the support's loss is
#: next to nothing. On Omniglot that takes 8 to 45 steps and changes no accuracy beyond its noise.
SLOW_SCRATCH_STEPS, SLOW_SCRATCH_LOSS = 100, 1e-3
#: Weights side by side: beyond it they leave the core's cache.
WEIGHTS_AT_ONCE = 1_000_000


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
    torch.manual_seed(weights_seed(material.plan.spec.seed or 0))
    ways = protocol.ways or 1
    one = _fresh(material, ways)
    size = sum(parameter.numel() for parameter in one.parameters())
    if one.trunk.batched_over_tasks(material.numeric.device):
        steps, enough, most = SCRATCH_STEPS, 0.0, SCRATCH_WEIGHTS // (SCRATCH_STEPS * size)
        at_once = max(1, WEIGHTS_AT_ONCE // size)
    else:
        steps, enough, most, at_once = SLOW_SCRATCH_STEPS, SLOW_SCRATCH_LOSS, FEWEST_SCRATCH_EPISODES, 1
    some = drawn[: min(max(most, FEWEST_SCRATCH_EPISODES), SCRATCH_EPISODES)]
    found: list[Floats] = []
    for start in range(0, len(some), at_once):
        episodes = material.episodes(some[start : start + at_once])
        learners = [_fresh(material, ways) for _ in range(len(episodes.support))]
        outputs = _trained(learners, episodes, steps, enough, stop)
        found.append(losses_of(material, outputs, episodes.query.labels))
    return np.concatenate(found)


def _trained(
    learners: Sequence[Learner], episodes: Episodes, steps: int, enough: float, stop: Callable[[], bool]
) -> Tensor:
    """Train a network for each episode by Adam and return its answers to the queries, ``[B, q, ways]``.

    Kingma and Ba, *Adam* (https://arxiv.org/abs/1412.6980), algorithm 1, with every task's own moments. It ends before
    ``steps`` where the loss of every support is below ``enough``.
    """
    one = learners[0]
    states = [dict(each.named_parameters()) for each in learners]
    weights = {name: torch.stack([state[name].detach() for state in states]) for name in states[0]}
    buffers = dict(one.named_buffers())

    def task_loss(own: dict[str, Tensor], numeric: Tensor, category: Tensor, labels: Tensor) -> Tensor:
        return loss(functional_call(one, {**own, **buffers}, (numeric, category)), labels, one.question)

    gradient = vmap(grad_and_value(task_loss)) if len(learners) > 1 else _single(grad_and_value(task_loss))
    first = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    second = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    for step in range(1, steps + 1):
        if stop():
            raise Stopped
        with statistics():
            found, losses = gradient(weights, *episodes.support.tensors)
        if enough and float(losses.max()) < enough:
            break
        for name, tensor in found.items():
            first[name].lerp_(tensor, 0.1)
            second[name].mul_(0.999).addcmul_(tensor, tensor, value=0.001)
            spread = (second[name] / (1 - 0.999**step)).sqrt_().add_(1e-8)
            weights[name].addcdiv_(first[name], spread, value=-SCRATCH_RATE / (1 - 0.9**step))
    return answered(one, weights, buffers, episodes)


def _fresh(material: Material, ways: int) -> Learner:
    plan = material.plan
    trunk = plan.spec.network.build(material.encoding.inputs)
    learner = Learner(trunk, plan.question, ways=ways, normalisation=plan.spec.normalisation)
    return learner.to(material.numeric.device).eval()


def _single(function: _Gradient) -> _Gradient:
    """The function for a single task as it is, without what batching costs."""

    def alone(weights: dict[str, Tensor], *rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        found, value = function({name: tensor[0] for name, tensor in weights.items()}, *(each[0] for each in rows))
        return {name: tensor.unsqueeze(0) for name, tensor in found.items()}, value

    return alone


@torch.no_grad()
def answered(one: Learner, weights: dict[str, Tensor], buffers: dict[str, Tensor], episodes: Episodes) -> Tensor:
    """The networks' answers to the queries, ``[B, q, ways]``.

    Where a network has layers of normalisation they use the statistics of the support, or of the queries themselves: a
    transductive job's learner sees these together too.
    """
    alone = one.normalisation == "transductive"
    rows = episodes.query if alone else episodes.support.then(episodes.query)
    shown = 0 if alone else episodes.support.labels.shape[1]

    def answer(own: dict[str, Tensor], numeric: Tensor, category: Tensor) -> Tensor:
        found: Tensor = functional_call(one, {**own, **buffers}, (numeric, category))
        return found[shown:]

    with statistics(rows=shown or None) if normalises(one) else nullcontext():
        if len(rows) == 1:
            own = {name: tensor[0] for name, tensor in weights.items()}
            return answer(own, rows.numeric[0], rows.category[0]).unsqueeze(0)
        return vmap(answer)(weights, rows.numeric, rows.category)
