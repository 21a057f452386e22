"""Reptile: the values of METHODS.md, card 45, and the paper's inner loop."""

from typing import Any

import pytest
import torch

from learning.meta.base import Episodes, Rows, loss
from learning.meta.reptile import Reptile
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from tests.learning.meta import quadratic

#: Both parts of a task train: here they are the same parabola.
TASK = quadratic.parabola(quadratic.A, quadratic.S)


def sgd(**fields):
    return Reptile(inner_optimizer="sgd", inner_rate=quadratic.ALPHA, **fields)


def drawn(tasks, rows, *, seed=0):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (tasks, rows), generator=draw)
    return Rows(torch.randn(tasks, rows, 3, generator=draw), torch.zeros(tasks, rows, 0, dtype=torch.long), labels)


def classifier(seed=0):
    torch.manual_seed(seed)
    network = Mlp(widths=(8, 6), dropout=0.0)
    learner: Any = Reptile().build(network, InputShape(3), "classification", ways=3)
    return learner


@pytest.mark.parametrize(("steps", "reached", "half_way"), [(1, 1.4, 1.2), (2, 1.72, 1.36), (5, 2.34464, 1.67232)])
@pytest.mark.parametrize("tasks", [1, 3])
def test_the_start_moves_by_epsilon_towards_where_the_task_leads(steps, reached, half_way, tasks):
    episodes = Episodes(*(quadratic.parabola(quadratic.A, quadratic.S, tasks) for _ in range(2)))
    for epsilon, expected in ((1.0, reached), (0.5, half_way)):
        learner = quadratic.learner()
        optimizer = torch.optim.SGD(learner.parameters(), lr=epsilon)
        sgd(inner_steps=steps).add_gradient(learner, episodes, ways=1)
        optimizer.step()
        assert learner.head.weight.item() == pytest.approx(expected, rel=1e-5)
        assert learner.head.bias.item() == pytest.approx(0.0, abs=1e-6)


def test_a_batch_moves_towards_the_mean_of_its_tasks():
    learner = quadratic.learner()
    two = Rows(*(torch.cat(both) for both in zip(TASK.tensors, quadratic.parabola(2.0, -3.0).tensors, strict=True)))
    losses = sgd(inner_steps=1).add_gradient(learner, Episodes(two, two), ways=1)
    # W is 1.4 for the parabola at 3 and 0.2 for that at −3
    assert learner.head.weight.grad.item() == pytest.approx(1 - 0.8, rel=1e-5)
    assert losses.tolist() == pytest.approx([1.6**2, 3.2**2], rel=1e-5)


def test_one_step_of_gradient_descent_is_joint_training():
    learner, episodes = classifier(), Episodes(drawn(4, 5), drawn(4, 7, seed=1))
    Reptile(inner_steps=1, inner_optimizer="sgd", inner_rate=0.3).add_gradient(learner, episodes, ways=3)
    found = {name: parameter.grad.clone() for name, parameter in learner.named_parameters()}
    learner.zero_grad()
    rows = episodes.support.then(episodes.query)
    tasks = [loss(learner(x, c), y, "classification") for x, c, y in zip(*rows.tensors, strict=True)]
    (0.3 * torch.stack(tasks).mean()).backward()
    for name, parameter in learner.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_its_adam_is_torchs_without_momentum():
    learner, support = classifier(), drawn(1, 6)
    spec = Reptile(inner_steps=4, inner_rate=0.01, evaluation_steps=None)
    adapted = spec.adapt(learner, support, ways=3)
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.01, betas=(0.0, 0.999))
    for _ in range(4):
        optimizer.zero_grad()
        loss(learner(support.numeric[0], support.category[0]), support.labels[0], "classification").backward()
        optimizer.step()
    torch.testing.assert_close(adapted.weight[0], learner.head.weight.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        adapted.trunk["layers.0.weight"][0], learner.trunk.layers[0].weight.detach(), rtol=1e-4, atol=1e-6
    )


def test_each_task_has_an_optimiser_of_its_own():
    spec, three = Reptile(inner_steps=3, inner_rate=0.01), drawn(3, 6)
    together = spec.adapt(classifier(), three, ways=3, steps=3)
    for task in range(3):
        alone = spec.adapt(classifier(), three[slice(task, task + 1)], ways=3, steps=3)
        torch.testing.assert_close(together.weight[task], alone.weight[0])


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("batch", [None, 4])
def test_tasks_together_are_tasks_one_after_the_other(steps, batch):
    episodes = Episodes(drawn(3, 5), drawn(3, 6, seed=1))
    spec = Reptile(inner_steps=steps, inner_rate=0.1, inner_optimizer="sgd", inner_batch=batch)
    together, apart = classifier(), classifier()
    apart.trunk.batched_over_tasks = lambda device: False
    losses = []
    for learner in (together, apart):
        torch.manual_seed(5)
        losses.append(spec.add_gradient(learner, episodes, ways=3))
    torch.testing.assert_close(*losses)
    for one, other in zip(together.parameters(), apart.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_batches_read_every_row_before_any_again():
    order = Reptile(inner_batch=4)._order(drawn(2, 10), 5, generator=None)
    assert order.shape == (2, 5, 4)
    for task in order.flatten(1):
        assert sorted(task[:10].tolist()) == sorted(task[10:].tolist()) == list(range(10))
    assert not torch.equal(order[0], order[1])


def test_a_batch_of_all_rows_or_more_is_no_batch():
    small, whole = (Reptile(inner_batch=batch).adapt(classifier(), drawn(2, 5), ways=3) for batch in (9, None))
    assert torch.equal(small.weight, whole.weight)


def test_the_same_support_always_makes_the_same_model():
    spec, support, learner = Reptile(inner_batch=3), drawn(2, 7), classifier()
    state = torch.get_rng_state()
    first, second = (spec.adapt(learner, support, ways=3) for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(state, torch.get_rng_state())
