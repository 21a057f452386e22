"""PCGrad (METHODS.md card 10): the reference Jacobians, its theorems, and what of the model it leaves alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.losses import Objective, TaskLosses
from learning.multitask.balancing.pcgrad import PcGrad, weights_after_projection
from learning.multitask.balancing.static import Static
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot

J_A = torch.tensor([[-4.0, 1.0, 1.0], [6.0, 1.0, 1.0]])
J_B = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
J_C = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
NO_CATEGORY = torch.empty(16, 0, dtype=torch.int64)


def weights_of(jacobian):
    return weights_after_projection(jacobian @ jacobian.T)


def as_the_paper_writes_it(jacobian, orders):
    """Algorithm 1, gradient by gradient."""
    projected = jacobian.clone()
    for i, order in enumerate(orders):
        for j in order:
            if i != j and projected[i] @ jacobian[j] < 0:
                projected[i] -= (projected[i] @ jacobian[j]) / (jacobian[j] @ jacobian[j]) * jacobian[j]
    return projected.sum(0)


def gradients(method, k, *, seed=0, weights=None):
    """The gradients of one step of K regressions on one trunk: those of the trunk, and those of the heads."""
    torch.manual_seed(seed)
    model = Hard().build(Mlp(widths=(5,), dropout=0.0), InputShape(3), Layout(1, (Slot("regression", 1),) * k))
    objectives = [Objective(slot, "mse") for slot in range(k)]
    losses = TaskLosses(Layout(1, (Slot("regression", 1),) * k), objectives)
    found = losses(model(torch.randn(16, 3), NO_CATEGORY), torch.randn(16, k))
    method.build(objectives).backward(found, torch.ones(k) if weights is None else weights, model)
    return [[p.grad for p in parameters] for parameters in (model.shared_parameters(), model.head_parameters())]


@pytest.mark.parametrize(
    ("jacobian", "weights", "direction"),
    [
        (J_A, [2.2222, 1.5789], [0.5848, 3.8012, 3.8012]),
        (J_B, [2.0, 1.5], [0.5, 1.5]),
        (J_C, [1.0, 1.0], [3.0, 4.0]),
    ],
    ids=["A", "B", "C"],
)
def test_the_reference_jacobians(jacobian, weights, direction):
    found = weights_of(jacobian)
    assert found.tolist() == pytest.approx(weights, abs=5e-5)
    assert (found @ jacobian).tolist() == pytest.approx(direction, abs=5e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 6), st.integers(0, 10_000))
def test_it_is_the_algorithm_of_the_paper(k, seed):
    jacobian = torch.randn(k, 4, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)
    orders = torch.rand(k, k).argsort(dim=1).tolist()  # as it is drawn
    torch.manual_seed(seed)
    torch.testing.assert_close(
        weights_of(jacobian) @ jacobian, as_the_paper_writes_it(jacobian, orders), rtol=1e-4, atol=1e-4
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(0, 1000))
def test_gradients_that_do_not_conflict_are_summed_unchanged(k, seed):
    jacobian = torch.rand(k, 4, generator=torch.Generator().manual_seed(seed))
    assert weights_of(jacobian).tolist() == [1.0] * k


def test_a_row_of_zeros_divides_nothing_and_changes_nothing():
    with_zeros = torch.cat([J_A, torch.zeros(1, 3)])
    assert (weights_of(with_zeros) @ with_zeros).tolist() == pytest.approx((weights_of(J_A) @ J_A).tolist())
    assert weights_of(torch.zeros(2, 3)).isfinite().all()


def test_opposite_gradients_cancel():
    opposite = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    assert (weights_of(opposite) @ opposite).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_tiny_and_huge_gradients_are_projected_alike(scale):
    assert weights_of(J_A * scale).tolist() == pytest.approx([2.2222, 1.5789], abs=5e-5)


def test_heads_are_left_as_the_weighted_sum_leaves_them():
    weights = torch.tensor([1.0, 0.5, 2.0])
    trunk, heads = gradients(PcGrad(), 3, weights=weights)
    plain_trunk, plain_heads = gradients(Static(), 3, weights=weights)
    assert all(torch.equal(a, b) for a, b in zip(heads, plain_heads, strict=True))
    assert not all(torch.allclose(a, b) for a, b in zip(trunk, plain_trunk, strict=True))


def test_a_task_alone_is_plain_training():
    for ours, plain in zip(gradients(PcGrad(), 1), gradients(Static(), 1), strict=True):
        for a, b in zip(ours, plain, strict=True):
            torch.testing.assert_close(a, b)


def test_the_orders_are_drawn_from_the_seeded_generator():
    first, second = (gradients(PcGrad(), 4, seed=3) for _ in range(2))
    assert all(
        torch.equal(a, b) for ours, again in zip(first, second, strict=True) for a, b in zip(ours, again, strict=True)
    )


def test_gradients_add_to_what_is_there():
    model = Hard().build(Mlp(widths=(5,), dropout=0.0), InputShape(3), Layout(1, (Slot("regression", 1),) * 2))
    x, y = torch.randn(16, 3), torch.randn(16, 2)
    balancer = PcGrad().build([Objective(0, "mse"), Objective(1, "mse")])
    seen = []
    for _ in range(2):
        balancer.backward((model(x, NO_CATEGORY) - y).square().mean(0), torch.ones(2), model)
        seen.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for once, twice in zip(*seen, strict=True):
        torch.testing.assert_close(2 * once, twice)
