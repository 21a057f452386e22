"""Soft sharing (METHODS.md card 20): a network for each task, tied to their mean."""

import numpy as np
import pytest
import torch

from learning.losses import Objective, TaskLosses
from learning.multitask.sharing.hard import Hard
from learning.multitask.sharing.soft import Soft
from learning.networks.base import InputShape
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot

ONE = Slot("regression", 1)
SLOTS = (ONE, Slot("binary", 1), Slot("multiclass", 3))


def whole_numbers(shape, draw):
    """Small integers: sums and products of them are exact in float32, in any order."""
    return torch.randint(-3, 4, shape, generator=draw).float()


@pytest.mark.parametrize("network", [Linear(width=2), Mlp(widths=(3, 2), dropout=0.0)])
@pytest.mark.parametrize(("group", "slot"), [(0, 0), (1, 1), (2, 0)])
def test_without_strength_a_task_learns_as_if_alone_bit_for_bit(network, group, slot):
    draw = torch.Generator().manual_seed(3)
    shape = InputShape(2, (5,))
    soft = Soft(strength=0.0).build(network, shape, Layout(3, (ONE, ONE)))
    alone = Hard().build(network, shape, Layout(1, (ONE,)))
    with torch.no_grad():
        for parameter in soft.parameters():
            parameter.copy_(whole_numbers(parameter.shape, draw))
        for name, parameter in alone.trunk.named_parameters():
            parameter.copy_(soft.trunks.get_parameter(name)[group, slot])
        alone.heads.weight.copy_(soft.heads.weight[group, slot][None, None])
        alone.heads.bias.copy_(soft.heads.bias[group, slot][None, None])
    x, y = whole_numbers((12, 2), draw), whole_numbers((12, 2), draw)
    category, of = torch.randint(0, 5, (12, 1), generator=draw), torch.arange(12) % 3
    (soft(x, category, of) - y).square().sum().backward()
    soft.add_tie_gradient(torch.ones(3, 2))
    own = of == group
    (alone(x[own], category[own]) - y[own, slot : slot + 1]).square().sum().backward()
    for name, parameter in alone.trunk.named_parameters():
        gradient = soft.trunks.get_parameter(name).grad
        assert gradient is not None
        assert parameter.grad is not None
        assert torch.equal(gradient[group, slot], parameter.grad)
    assert alone.heads.weight.grad is not None
    assert soft.heads.weight.grad is not None
    assert torch.equal(soft.heads.weight.grad[group, slot], alone.heads.weight.grad[0, 0])


@pytest.mark.parametrize(("strength", "apart"), [(0.0, 1.0), (2.0, 0.5), (4.0, 1 / 3), (38.0, 0.05)])
def test_it_rests_where_the_scalar_problem_of_the_cards_does(strength, apart):
    # ½(w₁ − 1)² + ½(w₂ − 3)² + λ/2 Σ (w_t − w̄)²: (1.5, 2.5) at λ = 1, which is 2 for our errors without ½; the card's
    # pairwise λ/2 (w₁ − w₂)² at λ = 1, with (1.6667, 2.3333), is ours at λ = 2, so 4
    layout = Layout(2, (ONE,))
    model = Soft(strength=strength).build(Linear(width=1), InputShape(1), layout)
    losses = TaskLosses(layout, [Objective(0, "mse")])
    x, y, group = torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]), torch.arange(2)
    with torch.no_grad():  # a task is its bias, the w of the card
        model.heads.weight.zero_()
        model.heads.bias.copy_(torch.tensor([[2.0 - apart], [2.0 + apart]]))
    losses(model(x, torch.empty(2, 0, dtype=torch.int64), group), y, group).sum().backward()
    model.add_tie_gradient(losses.row_weights(y, group, torch.ones(1)))
    gradient = model.heads.bias.grad
    assert gradient is not None
    assert gradient.flatten().tolist() == pytest.approx([0.0, 0.0], abs=1e-5)


def test_the_tie_is_the_gradient_of_the_penalty_as_it_is_written():
    layout = Layout(4, (ONE, ONE))
    rows = torch.tensor([[5.0, 1.0], [2.0, 0.0], [3.0, 3.0], [1.0, 8.0]])
    c = torch.tensor([[0.5, 0.1]]).expand(4, 2)
    model = Soft(strength=7.0).build(Mlp(widths=(3,)), InputShape(2), layout, rows=rows)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    model.add_tie_gradient(c)
    for name, theta in model.trunks.named_parameters():
        counted = (c * (rows > 0)).reshape(4, 2, *[1] * (theta.ndim - 2))
        mean = (counted * theta).sum((0, 1), keepdim=True) / counted.sum()
        penalty = 3.5 * (counted * (theta - mean).square()).sum()
        (expected,) = torch.autograd.grad(penalty, [theta])
        torch.testing.assert_close(model.trunks.get_parameter(name).grad, expected)


def test_an_embedding_keeps_the_zeros_of_an_unseen_value():
    model = Soft().build(Mlp(widths=(3,), dropout=0.0), InputShape(1, (4,)), Layout(3, (ONE, ONE)))
    category, group = torch.zeros(9, 1, dtype=torch.int64), torch.arange(9) % 3
    model(torch.ones(9, 1), category, group).square().sum().backward()
    gradient = model.trunks.get_parameter("embeddings.0.weight").grad
    assert gradient is not None
    assert not gradient.any()


def test_all_tasks_start_from_the_same_network():
    model = Soft().build(Mlp(widths=(4,), dropout=0.0), InputShape(2), Layout(3, (ONE, ONE)))
    out = model(torch.ones(3, 2), torch.empty(3, 0, dtype=torch.int64), torch.arange(3))
    assert torch.equal(out[0], out[1])
    assert torch.equal(out[0], out[2])


@pytest.mark.parametrize("network", [Linear(width=4), Mlp(widths=(5, 4))])
@pytest.mark.parametrize("groups", [1, 3])
def test_its_numpy_plan_equals_torchs_forward_for_seen_and_unseen_groups(network, groups):
    layout, shape = Layout(groups, SLOTS), InputShape(2, (4, 6))
    rows = torch.randint(0, 9, (groups, 3)).float()
    rows[0, 1] = 0.0
    model = Soft().build(network, shape, layout, rows=rows).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    numeric, category = torch.randn(20, 2), torch.cat([torch.randint(0, k, (20, 1)) for k in (4, 6)], dim=1)
    plan = Soft().plan(network, {name: value.numpy() for name, value in model.state_dict().items()}, layout)
    group = torch.randint(-1, groups, (20,))
    expected = model(numeric, category, group).detach().numpy()
    found = plan.per_row(numeric.numpy(), category.numpy(), group.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    for own, outputs in enumerate(plan.per_group(numeric.numpy(), category.numpy(), range(groups))):
        np.testing.assert_allclose(outputs[group == own], expected[group == own], rtol=1e-4, atol=1e-5)


def test_the_unseen_group_is_the_mean_of_the_networks_by_their_rows():
    layout = Layout(2, (ONE,))
    model = Soft().build(Linear(width=2), InputShape(2), layout, rows=torch.tensor([[3.0], [1.0]])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    mean = Hard().build(Linear(width=2), InputShape(2), Layout(1, (ONE,)))
    with torch.no_grad():
        for name, parameter in mean.trunk.named_parameters():
            parameter.copy_(
                0.75 * model.trunks.get_parameter(name)[0, 0] + 0.25 * model.trunks.get_parameter(name)[1, 0]
            )
        mean.heads.weight.copy_(0.75 * model.heads.weight[:1] + 0.25 * model.heads.weight[1:])
        mean.heads.bias.copy_(0.75 * model.heads.bias[:1] + 0.25 * model.heads.bias[1:])
    x, nothing = torch.randn(5, 2), torch.empty(5, 0, dtype=torch.int64)
    torch.testing.assert_close(model(x, nothing, torch.full((5,), -1)), mean(x, nothing))
