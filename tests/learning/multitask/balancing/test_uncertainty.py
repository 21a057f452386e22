"""Uncertainty weighting (METHODS.md card 2): its values, where its noise comes to rest, and what must leave it alone."""

import pytest
import torch

from learning.losses import Objective
from learning.multitask.balancing.uncertainty import LearnedNoise, Uncertainty
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape
from learning.networks.linear import Linear
from learning.tasks import Layout, Slot

REGRESSIONS = [Objective(slot, "mse") for slot in range(3)]
MODEL = Hard().build(Linear(width=1), InputShape(1), Layout(1, (Slot("regression", 1),)))


def rest(objectives, losses, weights=None, *, start=None):
    """The noise's log variances ``[K]`` after many steps on fixed losses, and the value there."""
    balancer = LearnedNoise(objectives)
    if start is not None:
        balancer.log_variance.data.copy_(torch.tensor(start))
    optimizer = torch.optim.Adam(balancer.parameters(), lr=0.05)
    losses = torch.tensor(losses)
    weights = torch.ones(len(losses)) if weights is None else torch.tensor(weights)
    for _ in range(1500):
        optimizer.zero_grad()
        balancer.backward(losses, weights, MODEL)
        optimizer.step()
    return balancer.log_variance.tolist(), balancer.total(losses, weights).item()


def test_at_its_start_a_regression_weighs_one_half_and_a_classification_one():
    ones = torch.ones(3)
    assert LearnedNoise(REGRESSIONS).total(torch.tensor([1.0, 2.0, 4.0]), ones).item() == 3.5
    mixed = LearnedNoise([REGRESSIONS[0], Objective(1, "log_loss"), Objective(2, "huber")])
    assert mixed.total(torch.tensor([1.0, 2.0, 4.0]), ones).item() == 0.5 + 2.0 + 2.0


@pytest.mark.parametrize("start", [[0.0, 0.0], [-0.5, 3.0]])
def test_the_noise_of_a_regression_rests_at_the_logarithm_of_its_loss(start):
    noise, value = rest(REGRESSIONS[:2], [2.0, 5.0], start=start)
    assert noise == pytest.approx([0.693147, 1.609438], abs=1e-4)
    assert value == pytest.approx(2.151293, abs=1e-5)


def test_the_noise_of_a_classification_rests_at_the_logarithm_of_twice_its_loss():
    noise, _ = rest([Objective(0, "log_loss"), Objective(1, "mse")], [0.5, 0.5])
    assert noise == pytest.approx([0.0, -0.693147], abs=1e-4)


def test_the_users_weights_move_no_resting_point():
    noise, value = rest(REGRESSIONS[:2], [2.0, 5.0], [3.0, 0.5])
    assert noise == pytest.approx([0.693147, 1.609438], abs=1e-4)
    assert value == pytest.approx(0.5 * (3.0 * 1.693147 + 0.5 * 2.609438), abs=1e-4)


def test_a_task_that_the_batch_does_not_hold_keeps_its_noise():
    balancer = LearnedNoise(REGRESSIONS)
    balancer.backward(torch.tensor([1.0, 0.0, 4.0]), torch.ones(3), MODEL)
    gradient = balancer.log_variance.grad
    assert gradient is not None
    assert gradient.tolist() == [0.0, 0.0, -1.5]


def test_a_task_alone_learns_no_noise():
    assert list(Uncertainty().build(REGRESSIONS[:1]).parameters()) == []


def test_it_finds_the_noise_of_the_toy_of_the_paper():
    # Gal's two regressions of one input, y1 = 2x + 8 + N(0, 10²) and y2 = 3x + 3 + N(0, 1), in raw units
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2000, 1, generator=draw)
    noise = torch.randn(2000, 2, generator=draw) * torch.tensor([10.0, 1.0])
    y = torch.cat([2 * x + 8, 3 * x + 3], dim=1) + noise
    layout = Layout(1, (Slot("regression", 1), Slot("regression", 1)))
    model = Hard().build(Linear(width=2), InputShape(1), layout)
    balancer = Uncertainty().build(REGRESSIONS[:2])
    optimizer = torch.optim.Adam([*model.parameters(), *balancer.parameters()], lr=0.2)
    nothing = torch.empty(2000, 0, dtype=torch.int64)
    for _ in range(400):
        optimizer.zero_grad()
        balancer.backward((model(x, nothing) - y).square().mean(0), torch.ones(2), model)
        optimizer.step()
    deviations = balancer.get_parameter("log_variance").detach().mul(0.5).exp().tolist()
    assert 9.5 <= deviations[0] <= 10.5
    assert 0.95 <= deviations[1] <= 1.05
