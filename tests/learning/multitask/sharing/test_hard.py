"""Hard sharing (METHODS.md card 19): the trunk's gradient is the tasks' sum; no head meets another task's."""

import numpy as np
import pytest
import torch

from learning.losses import Objective, TaskLosses
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot

SLOTS = (Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 3))
OBJECTIVES = [Objective(0, "mse"), Objective(1, "log_loss"), Objective(2, "log_loss")]
SHAPE = InputShape(2, (4,))


def model(groups=1):
    return Hard().build(Mlp(widths=(6,), dropout=0.0), SHAPE, Layout(groups, SLOTS))


def losses_of(shared, groups=1, rows=10):
    draw = torch.Generator().manual_seed(5)
    numeric, category = torch.randn(rows, 2, generator=draw), torch.randint(0, 4, (rows, 1), generator=draw)
    labels = torch.stack([torch.randn(rows, generator=draw), torch.arange(rows) % 2.0, torch.arange(rows) % 3.0], dim=1)
    group = torch.arange(rows) % groups
    return TaskLosses(Layout(groups, SLOTS), OBJECTIVES)(shared(numeric, category, group), labels, group)


@pytest.mark.parametrize("groups", [1, 3])
def test_the_trunks_gradient_is_the_sum_of_the_tasks_gradients(groups):
    shared = model(groups)
    trunk = shared.shared_parameters()
    losses = losses_of(shared, groups)
    each = [torch.autograd.grad(loss, trunk, retain_graph=True) for loss in losses]
    for gradient, parts in zip(torch.autograd.grad(losses.sum(), trunk), zip(*each, strict=True), strict=True):
        torch.testing.assert_close(gradient, torch.stack(parts).sum(0))


@pytest.mark.parametrize("k", range(3))
def test_a_head_never_receives_another_tasks_gradient(k):
    shared = model()
    gradient, bias = torch.autograd.grad(losses_of(shared)[k], [shared.heads.weight, shared.heads.bias])
    own = {0: [0], 1: [1], 2: [2, 3, 4]}[k]
    others = [unit for unit in range(5) if unit not in own]
    assert gradient[0, own].any()
    assert not gradient[0, others].any()
    assert not bias[0, others].any()


def test_parameters_are_the_trunks_and_the_heads_and_nothing_else():
    shared = model(2)
    known = {id(parameter) for parameter in (*shared.shared_parameters(), *shared.head_parameters())}
    assert known == {id(parameter) for parameter in shared.parameters()}


@pytest.mark.parametrize("network", [Mlp(widths=(6, 3)), Linear(width=4)])
@pytest.mark.parametrize("groups", [1, 4])
def test_its_parameters_are_counted_without_building_it(network, groups):
    layout = Layout(groups, SLOTS)
    built = Hard().build(network, SHAPE, layout)
    assert Hard().parameters(network, SHAPE, layout) == sum(p.numel() for p in built.parameters())


@pytest.mark.parametrize("groups", [1, 3])
def test_its_numpy_plan_equals_torchs_forward(groups):
    layout, network = Layout(groups, SLOTS), Mlp(widths=(6,))
    shared = Hard().build(network, SHAPE, layout).eval()
    with torch.no_grad():
        shared.heads.weight.normal_()
    numeric, category, group = torch.randn(9, 2), torch.randint(0, 4, (9, 1)), torch.randint(0, groups, (9,))
    plan = Hard().plan(network, {name: value.numpy() for name, value in shared.state_dict().items()}, layout)
    expected = shared(numeric, category, group).detach().numpy()
    found = plan.per_row(numeric.numpy(), category.numpy(), group.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for own, outputs in enumerate(plan.per_group(numeric.numpy(), category.numpy(), range(groups))):
        rows = group.numpy() == own
        np.testing.assert_allclose(outputs[rows], expected[rows], rtol=1e-5, atol=1e-5)


def test_one_task_is_plain_training():
    # Alone in its layout a task trains as a plain network of the same first weights does, bit for bit.
    layout, shape = Layout(1, (Slot("regression", 1),)), InputShape(3)
    shared = Hard().build(Mlp(widths=(5,), dropout=0.0), shape, layout)
    plain = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1))
    with torch.no_grad():
        for mine, theirs in zip(shared.parameters(), plain.parameters(), strict=True):
            theirs.copy_(mine.reshape(theirs.shape))
    x, y = torch.randn(16, 3), torch.randn(16, 1)
    losses = TaskLosses(layout, [Objective(0, "mse")], dense=True)
    optimizers = [torch.optim.AdamW(net.parameters(), lr=0.01) for net in (shared, plain)]
    for _ in range(5):
        for optimizer in optimizers:
            optimizer.zero_grad()
        losses(shared(x, torch.empty(16, 0, dtype=torch.int64)), y).sum().backward()
        torch.nn.functional.mse_loss(plain(x), y).backward()
        for optimizer in optimizers:
            optimizer.step()
    for mine, theirs in zip(shared.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine.reshape(theirs.shape), theirs)
