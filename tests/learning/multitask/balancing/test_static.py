"""Static weights (METHODS.md card 1): the gradient is Σ w_k grad_k, bit for bit where the arithmetic is exact."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.losses import Objective, TaskLosses
from learning.multitask.balancing.static import Static
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot

STATIC = Static().build([Objective(0, "mse")])
NO_CATEGORY = torch.empty(8, 0, dtype=torch.int64)


def whole_numbers(shape, draw):
    """Small integers: sums and products of them are exact in float32, in any order."""
    return torch.randint(-3, 4, shape, generator=draw).float()


def exact_model(slots, draw, *, network=None):
    layout = Layout(1, tuple(Slot("regression", 1) for _ in range(slots)))
    shared = Hard().build(network or Linear(width=2), InputShape(3), layout)
    with torch.no_grad():
        for parameter in shared.parameters():
            parameter.copy_(whole_numbers(parameter.shape, draw))
    return shared, TaskLosses(layout, [Objective(k, "mse") for k in range(slots)])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0, 3.0]), min_size=2, max_size=5), st.integers(0, 1000))
def test_the_gradient_is_the_weighted_sum_of_the_gradients_bit_for_bit(weights, seed):
    draw = torch.Generator().manual_seed(seed)
    shared, losses = exact_model(len(weights), draw)
    x, y = whole_numbers((8, 3), draw), whole_numbers((8, len(weights)), draw)
    found = losses(shared(x, NO_CATEGORY), y)
    parameters = list(shared.parameters())
    each = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in found]
    STATIC.backward(found, torch.tensor(weights), shared)
    for parameter, parts in zip(parameters, zip(*each, strict=True), strict=True):
        expected = sum(weight * part for weight, part in zip(weights, parts, strict=True))
        assert parameter.grad is not None
        assert torch.equal(parameter.grad, torch.as_tensor(expected))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_weights_one_and_zero_are_single_task_training_bit_for_bit(seed):
    draw = torch.Generator().manual_seed(seed)
    both, losses = exact_model(2, draw)
    alone, loss = exact_model(1, draw)
    with torch.no_grad():
        for mine, theirs in zip(alone.shared_parameters(), both.shared_parameters(), strict=True):
            mine.copy_(theirs)
        alone.heads.weight.copy_(both.heads.weight[:, :1])
        alone.heads.bias.copy_(both.heads.bias[:, :1])
    x, y = whole_numbers((8, 3), draw), whole_numbers((8, 2), draw)
    STATIC.backward(losses(both(x, NO_CATEGORY), y), torch.tensor([1.0, 0.0]), both)
    STATIC.backward(loss(alone(x, NO_CATEGORY), y[:, :1]), torch.tensor([1.0]), alone)
    for mine, theirs in zip(both.shared_parameters(), alone.shared_parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert torch.equal(mine.grad, theirs.grad)
    assert both.heads.weight.grad is not None
    assert alone.heads.weight.grad is not None
    assert torch.equal(both.heads.weight.grad[:, :1], alone.heads.weight.grad)
    assert not both.heads.weight.grad[:, 1:].any()


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e15])
def test_tiny_and_huge_losses_are_weighed_alike(scale):
    draw = torch.Generator().manual_seed(4)
    shared, _ = exact_model(3, draw, network=Mlp(widths=(4,), dropout=0.0))
    weights = torch.tensor([0.1, 0.7, 2.3])
    outputs = shared(torch.randn(8, 3, generator=draw), NO_CATEGORY)
    parameters = list(shared.parameters())
    expected = torch.autograd.grad((outputs.mean(0) * scale) @ weights, parameters, retain_graph=True)
    STATIC.backward(outputs.mean(0) * scale, weights, shared)
    for parameter, gradient in zip(parameters, expected, strict=True):
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient)


def test_gradients_add_to_what_is_there():
    draw = torch.Generator().manual_seed(2)
    shared, losses = exact_model(2, draw)
    x, y = whole_numbers((8, 3), draw), whole_numbers((8, 2), draw)
    for _ in range(2):
        STATIC.backward(losses(shared(x, NO_CATEGORY), y), torch.ones(2), shared)
    twice = shared.heads.bias.grad
    shared.zero_grad()
    STATIC.backward(losses(shared(x, NO_CATEGORY), y), torch.ones(2), shared)
    assert twice is not None
    assert shared.heads.bias.grad is not None
    assert torch.equal(twice, 2 * shared.heads.bias.grad)
