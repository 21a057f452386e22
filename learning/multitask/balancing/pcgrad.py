"""Projected conflicting gradients."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from learning.losses import Objective
from learning.multitask.balancing.base import Balancer, BalancingSpec
from learning.multitask.sharing.base import SharedModel


class PcGrad(BalancingSpec):
    """Each task's gradient of the shared part is projected off those that it conflicts with, then they are summed.

    For each task i, over the other tasks j in random order: where g_i · g_j < 0, g_i ← g_i − (g_i · g_j / ‖g_j‖²) g_j
    with the tasks' own g_j; the step is Σ_i g_i. Yu et al., *Gradient Surgery for Multi-Task Learning*, NeurIPS 2020,
    algorithm 1 (https://arxiv.org/abs/2001.06782). g_i is the gradient of w_i L_i, w the user's weights; a head gets its
    own task's, unprojected. A step costs a backward pass for each task, and memory for each task's shared gradient.

    Example:
        >>> import torch
        >>> conflicting = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
        >>> weights_after_projection(conflicting @ conflicting.T) @ conflicting
        tensor([0.5000, 1.5000])
    """

    name: Literal["pcgrad"] = "pcgrad"

    def build(self, objectives: Sequence[Objective]) -> "Projection":  # noqa: ARG002  # all are treated alike
        return Projection()


class Projection(Balancer):
    """Learns nothing; its random orders are drawn anew at each step."""

    def backward(self, losses: Tensor, weights: Tensor, model: SharedModel) -> None:
        shared, own = model.shared_parameters(), model.head_parameters()
        if not shared:
            torch.autograd.backward(losses, weights)
            return
        weighted = losses * weights
        tasks = [torch.autograd.grad(loss, shared, retain_graph=True, materialize_grads=True) for loss in weighted]
        torch.autograd.backward(losses, weights, inputs=own)
        jacobians = [torch.stack(rows).flatten(1) for rows in zip(*tasks, strict=True)]  # [K, size] for each parameter
        gram = torch.stack([jacobian @ jacobian.T for jacobian in jacobians]).sum(0)
        after = weights_after_projection(gram)
        for parameter, jacobian in zip(shared, jacobians, strict=True):
            gradient = (after @ jacobian).view_as(parameter)
            parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def weights_after_projection(gram: Tensor) -> Tensor:
    """Return ``[K]``, the weights c of the step Σ_k c_k g_k, for the scalar products ``[K, K]`` of the gradients.

    A projected gradient stays a sum of the given ones, so that all is done on their scalar products, for all tasks side
    by side: one pass over the random orders, whatever the size of the network.
    """
    k = len(gram)
    products = gram.double()
    squares = products.diagonal()
    order = torch.rand(k, k).argsort(dim=1).to(gram.device)  # row i: the order in which task i meets the others
    tasks = torch.arange(k, device=gram.device)
    coefficients = torch.eye(k, dtype=products.dtype, device=gram.device)  # row i: the projected g_i
    now = products.clone()  # row i: its scalar products with each g_j
    for others in order.T:
        met = now[tasks, others]
        conflict = (met < 0) & (squares[others] > 0) & (others != tasks)
        share = torch.where(conflict, met / squares[others].where(conflict, 1.0), 0.0)
        coefficients[tasks, others] -= share
        now -= share.unsqueeze(1) * products[others]
    return coefficients.sum(0).to(gram.dtype)


METHOD = PcGrad
