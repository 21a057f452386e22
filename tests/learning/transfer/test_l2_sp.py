"""METHODS.md 4.4, card 32: the penalty, its gradient, and where it ends."""

import pytest
import torch
from torch import nn

from learning.transfer.l2_sp import L2Sp

NEW, OLD = "heads.weight", "trunk.layers.0.weight"


def parameters(dtype=torch.float64):
    draw = torch.Generator().manual_seed(3)
    return {name: nn.Parameter(torch.randn(4, 3, generator=draw, dtype=dtype)) for name in (OLD, NEW)}


def penalty(found, source, *, alpha, beta):
    """α/2 · ‖w_s − w⁰_s‖² + β/2 · ‖w_n‖², as the paper writes it."""
    shared = sum(((found[name] - source[name]) ** 2).sum() for name in found if name in source)
    new = sum((found[name] ** 2).sum() for name in found if name not in source)
    return alpha / 2 * shared + beta / 2 * new


@pytest.mark.parametrize(("alpha", "beta"), [(0.1, 0.01), (3.0, 0.0), (0.0, 2.0)])
def test_the_gradient_is_the_penaltys_own(alpha, beta):
    ours, theirs = parameters(), parameters()
    source = {OLD: torch.ones(4, 3, dtype=torch.float64)}
    for found in (ours, theirs):
        sum(parameter.sin().sum() for parameter in found.values()).backward()

    L2Sp(alpha=alpha, beta=beta).add_gradient(ours, source)
    penalty(theirs, source, alpha=alpha, beta=beta).backward()

    for name in ours:
        torch.testing.assert_close(ours[name].grad, theirs[name].grad, rtol=1e-12, atol=1e-12)


def test_at_the_start_there_is_no_pull_on_what_came_from_the_source():
    found = parameters()
    L2Sp(alpha=5.0, beta=0.0).add_gradient(found, {name: p.detach().clone() for name, p in found.items()})
    assert all(p.grad is None or not p.grad.any() for p in found.values())


def test_without_strength_the_gradients_are_as_they_were_bit_for_bit():
    found = parameters(torch.float32)
    sum(parameter.sin().sum() for parameter in found.values()).backward()
    before = {name: p.grad.clone() for name, p in found.items()}
    L2Sp(alpha=0.0, beta=0.0).add_gradient(found, {OLD: torch.zeros(4, 3)})
    assert all(torch.equal(p.grad, before[name]) for name, p in found.items())


@pytest.mark.parametrize(
    ("source", "least"), [({OLD: torch.zeros(1)}, 2.0), ({OLD: torch.tensor([3.0])}, 3.0), ({}, 2.4)]
)
def test_gradient_descent_ends_where_the_card_says(source, least):
    """a/2 (w − t)² with a = 2, t = 3 and α = 1 from w⁰ = 0 is least at a t / (a + α) = 2; new, with β = 0.5, at 2.4."""
    w = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        ((w - 3.0) ** 2).sum().backward()
        L2Sp(alpha=1.0, beta=0.5).add_gradient({OLD: w}, source)
        optimizer.step()
    assert w.item() == pytest.approx(least, rel=1e-5)
