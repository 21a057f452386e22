import pytest
import torch
from torch import nn

from learning.losses import weights_of
from learning.specs import TrainingSpec
from tests.learning.penalty import penalty
from worker.training.optimizers import build_optimizer, learning_rate, set_learning_rate


def test_parameters_beside_the_model_are_learned_and_not_held_down():
    beside = nn.Parameter(torch.ones(2))
    optimizer = build_optimizer(_model(), TrainingSpec(optimizer="sgd", l2=0.3, learning_rate=0.5), beside=[beside])
    beside.grad = torch.tensor([1.0, 0.0])
    optimizer.step()

    assert beside.tolist() == [0.5, 1.0]


def _model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_l2_is_a_term_of_the_loss_on_weights_and_not_on_biases(name):
    training = TrainingSpec(optimizer=name, l2=0.3, learning_rate=0.05)
    plain = TrainingSpec(optimizer=name, l2=0.0, learning_rate=0.05)
    inside, written = _model(), _model()
    x = torch.randn(8, 3)
    ours, reference = build_optimizer(inside, training), build_optimizer(written, plain)
    for _ in range(5):
        ours.zero_grad()
        inside(x).square().mean().backward()
        ours.step()
        reference.zero_grad()
        (written(x).square().mean() + penalty(weights_of(written), l1=0.0, l2=0.3)).backward()
        reference.step()

    for a, b in zip(inside.parameters(), written.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_constant_schedule_keeps_its_rate():
    assert learning_rate(TrainingSpec(learning_rate=0.1), 99) == 0.1


def test_a_cosine_schedule_falls_from_the_full_rate_towards_0():
    training = TrainingSpec(learning_rate=0.1, schedule="cosine", epochs=10)
    rates = [learning_rate(training, epoch) for epoch in range(10)]

    assert rates[0] == 0.1
    assert rates == sorted(rates, reverse=True)
    assert rates[5] == pytest.approx(0.05)
    assert 0.0 < rates[-1] < 0.01


def test_every_parameter_gets_the_rate_of_the_epoch():
    training = TrainingSpec(learning_rate=0.1, schedule="cosine", epochs=2)
    optimizer = build_optimizer(_model(), training)

    set_learning_rate(optimizer, training, 1)

    assert [group["lr"] for group in optimizer.param_groups] == [pytest.approx(0.05)] * 2
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 4
