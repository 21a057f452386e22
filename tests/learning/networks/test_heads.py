"""The table of heads: every group its own, from one start, without a loop."""

import numpy as np
import pytest
import torch

from learning.networks.heads import HeadPlan, Heads
from learning.tasks import Layout, Slot

SLOTS = (Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 3))


def random_heads(groups, rows=None):
    heads = Heads(Layout(groups, SLOTS), 4, rows=rows)
    with torch.no_grad():
        heads.weight.normal_()
        heads.bias.normal_()
    return heads


def plan_of(heads):
    return HeadPlan(heads.layout, heads.weight.detach().numpy(), heads.bias.detach().numpy(), heads.rows.numpy())


def test_all_groups_start_from_the_same_head():
    heads = Heads(Layout(5, SLOTS), 4)
    assert all(torch.equal(heads.weight[0], own) for own in heads.weight)
    assert heads.weight[0].any()
    assert not heads.bias.any()


def test_each_row_is_answered_by_its_groups_head():
    heads, z, group = random_heads(3), torch.randn(8, 4), torch.tensor([0, 1, 2, 2, 1, 0, 0, 2])
    expected = torch.stack([heads.weight[g] @ row + heads.bias[g] for g, row in zip(group, z, strict=True)])
    torch.testing.assert_close(heads(z, group), expected)


def test_one_group_needs_no_telling():
    heads, z = random_heads(1), torch.randn(8, 4)
    torch.testing.assert_close(heads(z), z @ heads.weight[0].T + heads.bias[0])


def test_several_groups_need_telling():
    with pytest.raises(ValueError, match="2 heads; found none"):
        random_heads(2)(torch.randn(1, 4))


def test_a_groups_rows_move_no_other_groups_head():
    heads = random_heads(4)
    heads(torch.randn(6, 4), torch.tensor([1, 1, 3, 1, 3, 3])).square().sum().backward()
    assert heads.weight.grad is not None
    assert heads.bias.grad is not None
    moved = [bool(own.any()) for own in heads.weight.grad]
    assert moved == [bool(own.any()) for own in heads.bias.grad] == [False, True, False, True]


def test_the_mean_head_weighs_by_training_rows():
    rows = torch.tensor([[10.0, 0, 1], [30, 5, 1], [0, 0, 2]])
    heads = random_heads(3, rows).eval()
    z = torch.randn(2, 4)
    weight, bias = heads.mean()
    torch.testing.assert_close(weight[0], 0.25 * heads.weight[0, 0] + 0.75 * heads.weight[1, 0])
    torch.testing.assert_close(weight[1], heads.weight[1, 1])
    torch.testing.assert_close(bias[2:], 0.25 * heads.bias[0, 2:] + 0.25 * heads.bias[1, 2:] + 0.5 * heads.bias[2, 2:])
    torch.testing.assert_close(
        heads(z, torch.tensor([-1, 1])), torch.stack([weight @ z[0] + bias, heads(z, torch.tensor([1, 1]))[1]])
    )


def test_training_knows_no_mean_head():
    with pytest.raises(IndexError):
        random_heads(2)(torch.randn(1, 4), torch.tensor([-1]))


@pytest.mark.parametrize("groups", [1, 2, 7])
def test_the_numpy_plan_equals_torchs_forward(groups):
    heads = random_heads(groups, torch.randint(1, 9, (groups, 3)).float()).eval()
    plan, z = plan_of(heads), torch.randn(20, 4)
    group = torch.randint(-1, groups, (20,))
    expected = heads(z, group).detach().numpy()
    np.testing.assert_allclose(plan(z.numpy(), group.numpy()), expected, rtol=1e-5, atol=1e-5)
    for row in range(3):
        one = plan(z[row : row + 1].numpy(), group[row : row + 1].numpy())
        np.testing.assert_allclose(one[0], expected[row], rtol=1e-5, atol=1e-5)


def test_a_head_without_training_rows_answers_as_the_mean_head():
    heads = random_heads(2, torch.tensor([[3.0, 2, 2], [1, 0, 2]])).eval()
    plan, z = plan_of(heads), np.ones((1, 4), np.float32)
    mean, own = plan(z, -1), plan(z, 1)
    assert own[0, 1] == mean[0, 1]
    assert own[0, 0] != mean[0, 0]
    # early stopping looks at the validation rows through torch: they must see the head that will be served
    torch.testing.assert_close(heads(torch.ones(1, 4), torch.tensor([1])), torch.from_numpy(own))


def test_weights_of_another_layout_are_refused():
    heads = random_heads(2)
    with pytest.raises(ValueError, match="expected 3 heads of 5 outputs over 3 slots"):
        HeadPlan(Layout(3, SLOTS), heads.weight.detach().numpy(), heads.bias.detach().numpy(), heads.rows.numpy())
