"""Mean-regularised sharing (METHODS.md card 21): the closed form, its two ends, and who answers for an unseen group."""

import numpy as np
import pytest
import torch

from learning.losses import Objective, TaskLosses
from learning.multitask.sharing.hard import Hard
from learning.multitask.sharing.mean_regularised import MeanRegularised, common_rows
from learning.networks.base import InputShape
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot

ONE = Slot("regression", 1)
TARGET = [Objective(0, "mse")]


def at(strength, common, deviations, x):
    """A model of these w_0 ``[d + 1]`` and v_t ``[G, d + 1]``, the bias last, over a trunk that is the identity."""
    layout, d = Layout(len(deviations), (ONE,)), x.shape[1]
    model = MeanRegularised(strength=strength).build(Linear(width=d), InputShape(d), layout)
    common, deviations = (torch.as_tensor(part, dtype=torch.float32) for part in (common, deviations))
    with torch.no_grad():
        model.trunk.get_parameter("layers.0.weight").copy_(torch.eye(d))
        model.common.weight.copy_(common[None, :-1])
        model.common.bias.copy_(common[-1:])
        model.heads.weight.copy_(deviations[:, None, :-1])
        model.heads.bias.copy_(deviations[:, -1:])
    return model


def slope(model, x, y, group):
    """The largest gradient of w_0 and the v_t in a step of training: 0 where the penalised loss is least."""
    losses = TaskLosses(model.heads.layout, TARGET)
    losses(model(x, torch.empty(len(x), 0, dtype=torch.int64), group), y, group).sum().backward()
    model.add_tie_gradient(losses.row_weights(y, group, torch.ones(1)))
    return max(p.grad.abs().max().item() for p in [*model.common.parameters(), *model.heads.parameters()])


def closed_form(strength, x, y, group, groups):
    """The least Σ_i (y_i − (w_0 + v_t)·(x_i, 1))² + λ/2 Σ_t ‖v_t‖², as one linear system in w_0 and all v_t."""
    one = np.c_[x, np.ones(len(x))]
    d = one.shape[1]
    design = np.zeros((len(x), d * (groups + 1)))
    for row, (values, t) in enumerate(zip(one, group, strict=True)):
        design[row, :d] = values
        design[row, d * (t + 1) : d * (t + 2)] = values
    penalty = np.diag([0.0] * d + [strength / 2] * (d * groups))
    solution = np.linalg.solve(design.T @ design + penalty, design.T @ y[:, 0])
    return solution[:d], solution[d:].reshape(groups, d)


@pytest.mark.parametrize("strength", [0.5, 2.0, 40.0, 1e4])
def test_it_rests_at_the_closed_form_of_the_paper(strength):
    draw = torch.Generator().manual_seed(1)
    groups, x = 4, torch.randn(60, 2, generator=draw)
    group = torch.tensor([0] * 30 + [1] * 20 + [2] * 8 + [3] * 2)
    y = x.sum(1, keepdim=True) + group.unsqueeze(1) + torch.randn(60, 1, generator=draw)
    common, deviations = closed_form(strength, x.double().numpy(), y.double().numpy(), group.numpy(), groups)
    assert slope(at(strength, common, deviations, x), x, y, group) < 1e-5
    assert slope(at(strength, common, 1.1 * deviations, x), x, y, group) > 1e-4
    # where the penalty is least the deviations cancel: w_0 is the mean of the tasks
    np.testing.assert_allclose(deviations.sum(0), 0.0, atol=1e-9)


@pytest.mark.parametrize(("strength", "apart"), [(2.0, 0.5), (4.0, 1 / 3), (1e4, 1 / 5001)])
def test_the_scalar_problem_of_the_cards(strength, apart):
    # ½(w₁ − 1)² + ½(w₂ − 3)² + λ/2 Σ (w_t − w̄)², where λ = 1 rests at (1.5, 2.5); our errors have no ½: λ = 2
    x, y, group = torch.zeros(2, 1), torch.tensor([[1.0], [3.0]]), torch.arange(2)
    model = at(strength, [0.0, 2.0], [[0.0, -apart], [0.0, apart]], x)
    assert (model.common.bias + model.heads.bias[:, 0]).tolist() == pytest.approx([2.0 - apart, 2.0 + apart])
    assert slope(model, x, y, group) < 1e-5


def test_without_strength_nothing_is_added():
    model = MeanRegularised(strength=0.0).build(Linear(width=2), InputShape(2), Layout(3, (ONE,)))
    with torch.no_grad():
        model.heads.weight.normal_()
    model.add_tie_gradient(torch.ones(3, 1))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_all_groups_start_as_the_common_head():
    model = MeanRegularised().build(Mlp(widths=(4,), dropout=0.0), InputShape(2), Layout(3, (ONE, ONE)))
    numeric, nothing = torch.randn(1, 2).expand(3, 2), torch.empty(3, 0, dtype=torch.int64)
    first, second, third = model(numeric, nothing, torch.arange(3))
    assert torch.equal(first, second)
    assert torch.equal(first, third)


@pytest.mark.parametrize(
    ("groups", "slots", "rows"),
    [
        (5, (ONE, ONE, Slot("multiclass", 3)), [0, 1, 2, 3, 4]),
        (1, (ONE, ONE, Slot("multiclass", 3), Slot("multiclass", 3)), [0, 0, 1, 2, 3, 1, 2, 3]),
    ],
    ids=["a target over its groups", "targets of one type of one group"],
)
def test_what_deviates_from_the_same(groups, slots, rows):
    assert common_rows(Layout(groups, slots)) == rows


def test_an_unseen_group_is_answered_by_the_mean_of_the_heads():
    layout, network = Layout(3, (ONE,)), Linear(width=4)
    rows = torch.tensor([[30.0], [10.0], [0.0]])
    model = MeanRegularised().build(network, InputShape(2), layout, rows=rows).eval()
    with torch.no_grad():
        model.heads.weight.normal_()
        model.heads.bias.normal_()
    x, nothing = torch.randn(6, 2), torch.empty(6, 0, dtype=torch.int64)
    first, second = (model(x, nothing, torch.full((6,), group)) for group in (0, 1))
    expected = (0.75 * first + 0.25 * second).detach().numpy()
    plan = MeanRegularised().plan(network, {k: v.numpy() for k, v in model.state_dict().items()}, layout)
    for group in (-1, 2):
        answered = plan.per_row(x.numpy(), nothing.numpy(), np.full(6, group))
        np.testing.assert_allclose(answered, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(model(x, nothing, torch.full((6,), group)).detach(), expected, rtol=1e-4, atol=1e-5)


def test_it_shares_a_trunk_as_hard_sharing_does():
    layout, shape = Layout(1, (ONE,)), InputShape(2)
    torch.manual_seed(0)
    ours = MeanRegularised().build(Linear(width=3), shape, layout)
    torch.manual_seed(0)
    hard = Hard().build(Linear(width=3), shape, layout)
    for mine, theirs in zip(ours.trunk.parameters(), hard.trunk.parameters(), strict=True):
        assert torch.equal(mine, theirs)
