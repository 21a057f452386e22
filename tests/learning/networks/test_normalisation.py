"""Normalisation by running statistics, and for a while by those of the rows at hand."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from learning.networks.normalisation import Normalisation, normalises, statistics


def images(n=6, seed=0):
    return 3 + 2 * torch.randn(n, 4, 5, 5, generator=torch.Generator().manual_seed(seed))


def layer():
    made = Normalisation(4)
    with torch.no_grad():
        made.weight.uniform_(0.5, 1.5)
        made.bias.normal_()
    return made


def state(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def test_it_does_in_training_and_in_evaluation_what_torch_does():
    ours, theirs = layer(), nn.BatchNorm2d(4)
    theirs.load_state_dict(ours.state_dict() | {"num_batches_tracked": torch.tensor(0)})
    for _ in range(3):
        torch.testing.assert_close(ours(images()), theirs(images()))
    torch.testing.assert_close(ours.eval()(images(seed=1)), theirs.eval()(images(seed=1)))
    assert all(tensor.dtype == torch.float32 for tensor in ours.state_dict().values())


@pytest.mark.parametrize("training", [True, False])
def test_within_statistics_the_rows_normalise_themselves_and_nothing_is_remembered(training):
    made = layer().train(training)
    before = state(made)
    with statistics():
        found = (made(images()) - made.bias.view(-1, 1, 1)) / made.weight.view(-1, 1, 1)
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var((0, 2, 3), correction=0), torch.ones(4), atol=1e-4, rtol=0)
    assert all(torch.equal(before[name], tensor) for name, tensor in made.state_dict().items())


def test_the_first_rows_decide_for_all_that_follow():
    made, rows, others = layer(), images(4), 100 * images(7, seed=2)
    with statistics():
        alone = made(rows)
    with statistics(rows=4):
        together = made(torch.cat([rows, others]))
    torch.testing.assert_close(together[:4], alone)


def test_what_was_seen_serves_as_running_statistics_exactly():
    made, rows = layer().eval(), images()
    seen: dict = {}
    with statistics(seen=seen):
        during = made(rows)
    made.running_mean, made.running_var = seen[made]
    torch.testing.assert_close(made(rows), during)


@pytest.mark.parametrize("training", [True, False])
def test_one_number_a_channel_is_normalised_by_the_running_statistics(training):
    made, one = layer().train(training), torch.randn(1, 4, 1, 1)
    expected = made.eval()(one)
    made.train(training)
    torch.testing.assert_close(made(one), expected)
    with statistics():
        torch.testing.assert_close(made(one), expected)


def test_gradients_pass_through_the_statistics_of_the_first_rows():
    made, rows = layer(), images()

    def total(scale, rows_that_count):
        with statistics(rows=rows_that_count):
            return made(rows * scale).square().sum()

    # normalised rows do not change when all of them grow (but for ε)
    assert abs(grad(total)(torch.tensor(1.0), 4)) < 1e-2
    assert abs(grad(total)(torch.tensor(1.0), None)) < 1e-2


def test_it_runs_with_stacked_weights():
    made = [layer() for _ in range(3)]
    stacked = {name: torch.stack([one.state_dict()[name] for one in made]) for name in made[0].state_dict()}
    rows = torch.stack([images(seed=seed) for seed in range(3)])

    def one(tensors, z):
        with statistics(rows=2):
            by_first = functional_call(made[0], tensors, (z,))
        with statistics():
            return by_first, functional_call(made[0], tensors, (z,))

    for found, expected in zip(
        vmap(one)(stacked, rows),
        zip(*(one(m.state_dict(), z) for m, z in zip(made, rows, strict=True)), strict=True),
        strict=True,
    ):
        torch.testing.assert_close(found, torch.stack(expected))


def test_whether_a_network_normalises_is_seen_at_any_depth():
    assert normalises(nn.Sequential(nn.Sequential(layer())))
    assert not normalises(nn.Sequential(nn.Linear(2, 2)))
