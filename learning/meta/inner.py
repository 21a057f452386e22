"""The inner loop of the gradient methods: a task's own weights, which begin at the learner's."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad

from learning.meta.base import Adapted, Learner, Rows, evaluating, loss
from learning.meta.batching import each
from learning.networks.normalisation import statistics

#: The tensors of a learner by the names of its ``state_dict``, for one task.
Weights: TypeAlias = Mapping[str, Tensor]
#: ``(start, rows, *drawn)``: a task's weights after the method's steps on its rows, from where the learner stands.
Descent: TypeAlias = Callable[..., Weights]

_TRUNK, _WEIGHT, _BIAS = "trunk.", "head.weight", "head.bias"


def task_loss(learner: Learner, weights: Weights, rows: Rows, *, ways: int) -> Tensor:
    """Return the mean loss of one task's rows, whose own statistics its layers of normalisation use.

    Of a head with more outputs than ``ways`` the first are used.
    """
    with statistics():
        outputs = _outputs(learner, weights, rows)
    return loss(outputs[:, :ways], rows.labels, learner.question)


def query_loss(learner: Learner, weights: Weights, support: Rows, query: Rows, *, ways: int) -> Tensor:
    """Return the mean loss of a task's queries under its adapted weights.

    Inductive: normalised by the statistics of the support, as the stored model will be, with gradients through them.
    """
    if learner.normalisation == "transductive" or not learner.normalises:
        return task_loss(learner, weights, query, ways=ways)
    count, rows = len(support), support.then(query)
    with statistics(rows=count):
        outputs = _outputs(learner, weights, rows)
    return loss(outputs[count:, :ways], query.labels, learner.question)


def gradient_steps(
    learner: Learner, weights: Weights, rows: Rows, *, ways: int, steps: int, rate: float, alone: bool = False
) -> Weights:
    """Return a task's weights after so many steps θ ← θ − rate · ∇L(θ); derivatives of the result pass through each.

    Args:
        alone: the task is not stacked with others and its weights ask for gradients. Torch's own engine then does the
            same for a tenth less time (convolutions on a CPU, benchmark T2).
    """

    def of_task(at: Weights) -> Tensor:
        return task_loss(learner, at, rows, ways=ways)

    for _ in range(steps):
        found = _graphed(of_task(weights), weights) if alone else grad(of_task)(weights)
        weights = {name: tensor - rate * found[name] for name, tensor in weights.items()}
    return weights


def _graphed(of_task: Tensor, weights: Weights) -> Weights:
    slopes = torch.autograd.grad(of_task, list(weights.values()), create_graph=True, materialize_grads=True)
    return dict(zip(weights, slopes, strict=True))


def adapted(learner: Learner, support: Rows, descent: Descent, *drawn: Tensor, ways: int) -> Adapted:
    """Return what all tasks learn from their supports by the method's descent; the learner stays bit for bit as it is.

    Args:
        drawn: ``[B, …]``, what the descent gets beside a task's rows.
    """
    start = {name: parameter.detach() for name, parameter in learner.named_parameters()}

    def learned(numeric: Tensor, category: Tensor, labels: Tensor, *drawn: Tensor) -> dict[str, Tensor]:
        rows = Rows(numeric, category, labels)
        weights = descent(start, rows, *drawn)
        return {**weights, **_recorded(learner, weights, rows)}

    with evaluating(learner), torch.no_grad():
        found = each(learner.trunk, learned, *support.tensors, *drawn)
    trunk = {name.removeprefix(_TRUNK): tensor for name, tensor in found.items() if name.startswith(_TRUNK)}
    return Adapted(found[_WEIGHT][:, :ways], found[_BIAS][:, :ways], trunk)


def _outputs(learner: Learner, weights: Weights, rows: Rows) -> Tensor:
    """Return the raw outputs ``[n, ways of the head]`` of one task's rows."""
    tensors = dict(weights)
    for name, module in learner.named_modules() if rows.category.shape[1] else ():
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            # The row of the unseen value is zero and stays so; torch forgets that under vmap and gives it a gradient.
            learns = torch.arange(module.num_embeddings, device=rows.labels.device) != module.padding_idx
            tensors[f"{name}.weight"] = tensors[f"{name}.weight"] * learns.unsqueeze(1)
    outputs: Tensor = functional_call(learner, tensors, (rows.numeric, rows.category))
    return outputs


def _recorded(learner: Learner, weights: Weights, rows: Rows) -> dict[str, Tensor]:
    """The statistics that the support has under the adapted weights: the running ones of the task's own model."""
    if not learner.normalises:
        return {}
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    with statistics(seen=seen):
        _outputs(learner, weights, rows)
    names = {layer: name for name, layer in learner.named_modules()}
    return {
        f"{names[layer]}.{what}": found
        for layer, both in seen.items()
        for what, found in zip(("running_mean", "running_var"), both, strict=True)
    }
