"""MAML: the values of METHODS.md, card 43, and what is true of its gradient."""

from typing import Any

import pytest
import torch
from torch.func import functional_call

from learning.meta.base import Episodes, Learner, Rows, answers, loss
from learning.meta.batching import parts
from learning.meta.maml import Maml
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from tests.learning.meta import quadratic

SHAPE = InputShape(3, (5,))


def drawn(tasks, rows, *, seed=0, ways=3):
    draw = torch.Generator().manual_seed(seed)
    category = torch.randint(0, 5, (tasks, rows, 1), generator=draw)
    labels = torch.randint(0, ways, (tasks, rows), generator=draw)
    return Rows(torch.randn(tasks, rows, 3, generator=draw), category, labels)


def classifier(network=None, *, ways=3, seed=0):
    torch.manual_seed(seed)
    return Maml().build(network or Mlp(widths=(8, 6), dropout=0.0), SHAPE, "classification", ways=ways)


def gradients(spec, learner, episodes, *, ways=3):
    learner.zero_grad()
    losses = spec.add_gradient(learner, episodes, ways=ways)
    return losses, {name: parameter.grad.clone() for name, parameter in learner.named_parameters()}


def one_by_one(learner):
    """The same learner, whose tasks are computed one after the other."""
    learner.trunk.batched_over_tasks = lambda device: False
    assert len(list(parts(learner.trunk, 4, torch.device("cpu")))) == 4
    return learner


@pytest.mark.parametrize(("steps", "expected"), [(1, 1.92), (2, 1.7408), (5, 1.0959716)])
@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("trunk", [quadratic.Identity, quadratic.ByTask])
def test_the_meta_gradient_of_a_parabola_is_known(steps, expected, tasks, trunk):
    learner = quadratic.learner(trunk(1))
    spec = Maml(inner_steps=steps, inner_rate=quadratic.ALPHA)

    losses = spec.add_gradient(learner, quadratic.episodes(tasks), ways=1)

    assert learner.head.weight.grad.item() == pytest.approx(expected, rel=1e-5)
    assert learner.head.bias.grad.item() == pytest.approx(0.0, abs=1e-6)
    adapted = 3 + (quadratic.THETA - 3) * 0.8**steps
    assert losses.tolist() == pytest.approx([(adapted + 1) ** 2 / 2] * tasks, rel=1e-5)


@pytest.mark.parametrize(("steps", "expected"), [(0, 1.0), (1, 1.4), (2, 1.72), (5, 2.34464)])
def test_adaptation_walks_the_parabola(steps, expected):
    support = quadratic.parabola(quadratic.A, quadratic.S)
    adapted = Maml(inner_rate=quadratic.ALPHA).adapt(quadratic.learner(), support, ways=1, steps=steps)
    assert adapted.weight.item() == pytest.approx(expected, rel=1e-5)


def test_for_linear_regression_it_is_the_query_gradient_through_one_minus_alpha_times_the_hessian():
    torch.manual_seed(3)
    learner: Any = Learner(quadratic.Identity(4), "regression", ways=1).double()
    x, x_query = torch.randn(1, 7, 4).double(), torch.randn(1, 5, 4).double()
    y, y_query = torch.randn(1, 7).double(), torch.randn(1, 5).double()
    none = torch.zeros(1, 7, 0, dtype=torch.long)
    with_one = torch.cat([x[0], torch.ones(7, 1)], 1)
    query_with_one = torch.cat([x_query[0], torch.ones(5, 1)], 1)
    theta = torch.cat([learner.head.weight[0], learner.head.bias]).detach()
    hessian = 2 * with_one.T @ with_one / 7
    moved = theta - 0.1 * 2 * with_one.T @ (with_one @ theta - y[0]) / 7
    expected = (torch.eye(5) - 0.1 * hessian).T @ (2 * query_with_one.T @ (query_with_one @ moved - y_query[0]) / 5)

    Maml(inner_steps=1, inner_rate=0.1).add_gradient(
        learner, Episodes(Rows(x, none, y), Rows(x_query, none[:, :5], y_query)), ways=1
    )

    found = torch.cat([learner.head.weight.grad[0], learner.head.bias.grad])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_with_a_rate_of_zero_it_is_joint_training():
    learner, episodes = classifier(), Episodes(drawn(4, 5), drawn(4, 7, seed=1))
    losses, found = gradients(Maml(inner_rate=0.0), learner, episodes)
    learner.zero_grad()
    query = episodes.query
    joint = torch.stack([loss(learner(x, c), y, "classification") for x, c, y in zip(*query.tensors, strict=True)])
    joint.mean().backward()
    torch.testing.assert_close(losses, joint.detach())
    for name, parameter in learner.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad)


def test_the_derivative_of_the_steps_is_in_it():
    learner, episodes = classifier(), Episodes(drawn(4, 5), drawn(4, 7, seed=1))
    spec = Maml(inner_rate=0.5)
    _, second = gradients(spec, learner, episodes)
    adapted = spec.adapt(learner, episodes.support, ways=3)
    first = torch.zeros_like(learner.head.weight)
    for task in range(4):
        weights = {f"trunk.{name}": tensor[task] for name, tensor in adapted.trunk.items()}
        weights |= {"head.weight": adapted.weight[task].requires_grad_(), "head.bias": adapted.bias[task]}
        x, c, y = (tensor[task] for tensor in episodes.query.tensors)
        of_task = loss(functional_call(learner, weights, (x, c)), y, "classification")
        first += torch.autograd.grad(of_task, weights["head.weight"])[0] / 4
    assert (second["head.weight"] - first).abs().max() > 1e-3


@pytest.mark.parametrize("tasks", [1, 2, 5])
@pytest.mark.parametrize("steps", [1, 3])
def test_tasks_together_are_tasks_one_after_the_other(tasks, steps):
    episodes = Episodes(drawn(tasks, 5), drawn(tasks, 7, seed=1))
    spec = Maml(inner_steps=steps, inner_rate=0.3)
    together, gradients_together = gradients(spec, classifier(), episodes)
    apart, gradients_apart = gradients(spec, one_by_one(classifier()), episodes)
    torch.testing.assert_close(together, apart)
    for name, gradient in gradients_together.items():
        torch.testing.assert_close(gradient, gradients_apart[name], rtol=1e-4, atol=1e-6)
    both = [spec.adapt(learner, episodes.support, ways=3) for learner in (classifier(), one_by_one(classifier()))]
    torch.testing.assert_close(both[0].weight, both[1].weight)
    for name, tensor in both[0].trunk.items():
        torch.testing.assert_close(tensor, both[1].trunk[name])


@pytest.mark.parametrize("tasks", [1, 3])
def test_the_vector_of_an_unseen_value_stays_zero(tasks):
    learner, episodes = classifier(), Episodes(drawn(tasks, 9), drawn(tasks, 9, seed=1))
    assert (episodes.support.category == 0).any()
    assert (episodes.query.category == 0).any()
    spec = Maml(inner_steps=2, inner_rate=0.5)
    _, found = gradients(spec, learner, episodes)
    table = spec.adapt(learner, episodes.support, ways=3).trunk["embeddings.0.weight"]
    assert found["trunk.embeddings.0.weight"][1:].any()
    assert not found["trunk.embeddings.0.weight"][0].any()
    assert table[:, 1:].any()
    assert not table[:, 0].any()


def test_it_evaluates_with_its_own_number_of_steps():
    support = quadratic.parabola(quadratic.A, quadratic.S)

    def theta(**fields):
        return Maml(inner_rate=0.1, **fields).adapt(quadratic.learner(), support, ways=1).weight.item()

    assert theta(inner_steps=2) == pytest.approx(1.72)
    assert theta(inner_steps=2, evaluation_steps=5) == pytest.approx(2.34464)


def test_fewer_classes_than_the_head_has_use_its_first_outputs():
    learner, support = classifier(ways=5), drawn(2, 6, ways=2)
    adapted = Maml(inner_rate=0.3).adapt(learner, support, ways=2)
    assert (adapted.weight.shape, adapted.bias.shape) == ((2, 2, 6), (2, 2))
    narrow = classifier(ways=5)
    narrow.head = torch.nn.Linear(6, 2)
    narrow.head.weight.data, narrow.head.bias.data = learner.head.weight.data[:2], learner.head.bias.data[:2]
    torch.testing.assert_close(adapted.weight, Maml(inner_rate=0.3).adapt(narrow, support, ways=2).weight)


def test_dropout_is_drawn_anew_in_training_and_never_in_adaptation():
    learner = classifier(Mlp(widths=(32, 16), dropout=0.5)).train()
    spec, episodes = Maml(), Episodes(drawn(3, 5), drawn(3, 7, seed=1))
    (first, _), (second, _) = gradients(spec, learner, episodes), gradients(spec, learner, episodes)
    assert not torch.equal(first, second)
    adapted = [spec.adapt(learner, episodes.support, ways=3) for _ in range(2)]
    assert torch.equal(adapted[0].weight, adapted[1].weight)
    assert torch.equal(answers(learner, adapted[0], episodes.query), answers(learner, adapted[1], episodes.query))
    assert learner.training


def test_meta_training_teaches_what_adaptation_then_does():
    """Lines through the origin of either slope: without adaptation the best is 0, with it one step is enough."""
    torch.manual_seed(0)
    spec = Maml(inner_steps=1, inner_rate=0.3)
    learner = spec.build(Mlp(widths=(16,), dropout=0.0), InputShape(1), "regression", ways=1)
    optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)

    def lines(tasks, rows):
        x, slope = torch.rand(tasks, rows, 1) * 2 - 1, torch.sign(torch.randn(tasks, 1))
        return Rows(x, torch.zeros(tasks, rows, 0, dtype=torch.long), slope * x[..., 0])

    def waves():
        both = lines(20, 20)
        return Episodes(*(Rows(*(tensor[:, part] for tensor in both.tensors)) for part in (slice(10), slice(10, 20))))

    for _ in range(200):
        optimizer.zero_grad()
        spec.add_gradient(learner, waves(), ways=1)
        optimizer.step()

    asked = waves()
    after = answers(learner, spec.adapt(learner, asked.support, ways=1), asked.query)[..., 0]
    before = answers(learner, spec.adapt(learner, asked.support, ways=1, steps=0), asked.query)[..., 0]
    assert (before - asked.query.labels).square().mean() > 0.25
    assert (after - asked.query.labels).square().mean() < 0.12
