"""Losses of objectives: masking, absence, and the same figures whichever path computes them."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from learning.losses import Objective, TaskLosses, add_penalty_gradient, mean, weights_of
from learning.tasks import Layout, Loss, Slot
from tests.learning.penalty import penalty

NAN = float("nan")
MIXED = Layout(1, (Slot("regression", 1), Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 3)))
MIXED_OBJECTIVES = [Objective(0, "mse"), Objective(1, "mae"), Objective(2, "log_loss"), Objective(3, "log_loss")]


def batch(rows=12, seed=0):
    draw = torch.Generator().manual_seed(seed)
    outputs = torch.randn(rows, 6, generator=draw)
    numbers = torch.randn(rows, 2, generator=draw)
    binary = torch.randint(0, 2, (rows, 1), generator=draw)
    several = torch.randint(0, 3, (rows, 1), generator=draw)
    return outputs, torch.cat([numbers, binary, several], dim=1)


def test_each_objective_is_torchs_own_loss():
    outputs, labels = batch()
    found = TaskLosses(MIXED, MIXED_OBJECTIVES)(outputs, labels)
    expected = [
        functional.mse_loss(outputs[:, 0], labels[:, 0]),
        functional.l1_loss(outputs[:, 1], labels[:, 1]),
        functional.binary_cross_entropy_with_logits(outputs[:, 2], labels[:, 2]),
        functional.cross_entropy(outputs[:, 3:], labels[:, 3].long()),
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_huber_is_half_the_square_near_and_straight_far():
    losses = TaskLosses(Layout(1, (Slot("regression", 1),)), [Objective(0, "huber")])
    assert losses(torch.tensor([[0.5], [3.0]]), torch.zeros(2, 1)).tolist() == [(0.125 + 2.5) / 2]


def test_the_promise_that_no_label_is_missing_changes_nothing():
    outputs, labels = batch()
    looking, dense = TaskLosses(MIXED, MIXED_OBJECTIVES), TaskLosses(MIXED, MIXED_OBJECTIVES, dense=True)
    torch.testing.assert_close(looking(outputs, labels), dense(outputs, labels))


@given(st.integers(0, 11), st.integers(0, 3))
def test_a_missing_label_masks_that_task_for_that_row_and_nothing_else(row, slot):
    outputs, labels = batch()
    losses = TaskLosses(MIXED, MIXED_OBJECTIVES)
    whole = losses(outputs, labels)
    labels[row, slot] = NAN
    outputs.requires_grad_()
    found = losses(outputs, labels)
    kept = [k for k in range(4) if k != slot]
    assert torch.equal(found[kept], whole[kept])
    units = slice(*[(0, 1), (1, 2), (2, 3), (3, 6)][slot])
    found[slot].backward()
    assert outputs.grad is not None
    assert not outputs.grad[row, units].any()
    rest = [other for other in range(12) if other != row]
    torch.testing.assert_close(found[slot], losses(outputs[rest], labels[rest])[slot])


@pytest.mark.parametrize("slot", range(4))
def test_a_task_absent_from_a_batch_has_loss_zero_and_gradient_zero(slot):
    outputs, labels = batch()
    outputs.requires_grad_()
    labels[:, slot] = NAN
    found = TaskLosses(MIXED, MIXED_OBJECTIVES)(outputs, labels)
    assert found[slot] == 0.0
    (gradient,) = torch.autograd.grad(found[slot], outputs)
    assert not gradient.any()


def test_objectives_may_come_in_any_order():
    outputs, labels = batch()
    order = [2, 0, 3, 1]
    for dense in (False, True):
        found = TaskLosses(MIXED, [MIXED_OBJECTIVES[k] for k in order], dense=dense)(outputs, labels)
        torch.testing.assert_close(found, TaskLosses(MIXED, MIXED_OBJECTIVES)(outputs, labels)[order])


def test_a_target_over_all_groups_is_one_objective():
    layout = Layout(3, (Slot("regression", 1), Slot("binary", 1)))
    outputs, labels = torch.randn(9, 2), torch.stack([torch.randn(9), torch.arange(9) % 2.0], dim=1)
    labels[2, 0] = NAN
    group = torch.arange(9) % 3
    objectives = [Objective(0, "mse"), Objective(1, "log_loss")]
    alone = TaskLosses(Layout(1, layout.slots), objectives)
    assert torch.equal(TaskLosses(layout, objectives)(outputs, labels, group), alone(outputs, labels))


def test_listed_tasks_of_several_sources_equal_a_loop_over_them():
    layout = Layout(3, (Slot("regression", 1), Slot("regression", 1), Slot("multiclass", 3)))
    tasks: list[tuple[int, int, Loss]] = [
        *((0, 0, "mse"), (1, 0, "mae"), (2, 0, "huber"), (1, 1, "mse")),
        *((0, 2, "log_loss"), (2, 2, "log_loss")),
    ]
    objectives = [Objective(slot, loss, group=group) for group, slot, loss in tasks]
    draw = torch.Generator().manual_seed(3)
    group = torch.randint(0, 3, (60,), generator=draw)
    outputs = torch.randn(60, 5, generator=draw)
    labels = torch.cat([torch.randn(60, 2, generator=draw), torch.randint(0, 3, (60, 1), generator=draw)], dim=1)
    labels[torch.rand(60, 3, generator=draw) < 0.3] = NAN
    found = TaskLosses(layout, objectives)(outputs, labels, group)
    by_hand: dict[str, Callable[..., torch.Tensor]] = {
        "mse": functional.mse_loss,
        "mae": functional.l1_loss,
        "huber": functional.huber_loss,
    }
    for k, (own, slot, loss) in enumerate(tasks):
        rows = (group == own) & ~labels[:, slot].isnan()
        expected = (
            functional.cross_entropy(outputs[rows, 2:], labels[rows, slot].long())
            if loss == "log_loss"
            else by_hand[loss](outputs[rows, slot], labels[rows, slot])
        )
        torch.testing.assert_close(found[k], expected)


def test_groups_that_differ_must_be_told():
    layout = Layout(2, (Slot("regression", 1),))
    losses = TaskLosses(layout, [Objective(0, "mse", group=0), Objective(0, "mse", group=1)])
    with pytest.raises(ValueError, match="the group of each row"):
        losses(torch.zeros(1, 1), torch.zeros(1, 1))


@pytest.mark.parametrize("grouped", [False, True])
def test_class_weights_weigh_as_torch_weighs(grouped):
    weights = torch.tensor([0.5, 2.0, 1.5])
    groups = 2 if grouped else 1
    layout = Layout(groups, (Slot("multiclass", 3),))
    objectives = [
        Objective(0, "log_loss", group=g if grouped else None, class_weight=tuple(weights.tolist()))
        for g in range(groups)
    ]
    outputs, labels = torch.randn(8, 3), torch.tensor([[0.0], [1], [2], [1], [NAN], [2], [0], [1]])
    group = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]) if grouped else torch.zeros(8, dtype=torch.int64)
    found = TaskLosses(layout, objectives)(outputs, labels, group)
    for g in range(groups):
        rows = (group == g) & ~labels[:, 0].isnan()
        torch.testing.assert_close(found[g], functional.cross_entropy(outputs[rows], labels[rows, 0].long(), weights))


def test_losses_of_zeros_are_the_textbooks():
    found = TaskLosses(MIXED, MIXED_OBJECTIVES)(torch.zeros(1, 6), torch.tensor([[2.0, -3.0, 1.0, 2.0]]))
    torch.testing.assert_close(found, torch.tensor([4.0, 3.0, math.log(2), math.log(3)]))


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.25), (0.5, 0.25)])
def test_the_gradient_of_the_penalty_is_its_derivative(l1, l2):
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    weights = weights_of(model)
    assert [tuple(weight.shape) for weight in weights] == [(2, 3), (1, 2)]
    expected = torch.autograd.grad(penalty(weights, l1=l1, l2=l2), weights)
    add_penalty_gradient(weights, l1=l1, l2=l2)
    for weight, gradient in zip(weights, expected, strict=True):
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, gradient)
    assert all(parameter.grad is None for name, parameter in model.named_parameters() if name.endswith("bias"))


def test_a_row_weighs_its_objectives_weight_shared_by_the_objectives_labels():
    layout = Layout(2, (Slot("regression", 1), Slot("regression", 1)))
    labels, group = torch.tensor([[1.0, NAN], [2.0, 5.0], [3.0, NAN]]), torch.tensor([0, 0, 1])
    weights = torch.tensor([6.0, 1.0])
    targets = TaskLosses(layout, [Objective(0, "mse"), Objective(1, "mse")])
    assert targets.row_weights(labels, group, weights).tolist() == [[2.0, 1.0], [2.0, 1.0]]
    listed = TaskLosses(layout, [Objective(0, "mse", group=0), Objective(0, "mse", group=1)])
    assert listed.row_weights(labels, group, weights).tolist() == [[3.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("grouped", [False, True])
def test_the_totals_of_parts_add_up_to_the_mean_of_the_whole(grouped):
    layout = Layout(2, (Slot("binary", 1), Slot("regression", 1)))
    weights = (0.5, 8.0)
    objectives = (
        [Objective(0, "log_loss", class_weight=weights), Objective(1, "mse")]
        if not grouped
        else [
            *(Objective(0, "log_loss", group=g, class_weight=weights) for g in (0, 1)),
            *(Objective(1, "mse", group=g) for g in (1, 0)),
        ]
    )
    outputs, labels = torch.randn(30, 2), torch.stack([(torch.arange(30) >= 25).float(), torch.randn(30)], dim=1)
    labels[3, 1], group = NAN, torch.arange(30) % 2
    losses = TaskLosses(layout, objectives)
    parts = [losses.totals(outputs[rows], labels[rows], group[rows]) for rows in torch.arange(30).split(11)]
    sums, counts = (torch.stack(side).sum(0) for side in zip(*parts, strict=True))
    torch.testing.assert_close(mean(sums, counts), losses(outputs, labels, group))
