"""What holds for every meta-learning method with every network: a new file of either is tested from here on."""

from itertools import product
from typing import Any

import pytest
import torch

from learning.meta.base import Episodes, Rows, answers
from learning.networks.base import InputShape
from learning.networks.normalisation import normalises
from learning.registry import registry

METHODS = registry()
EVERY = [
    (method, network, question)
    for method, network, question in product(
        METHODS.names("meta"), METHODS.names("network"), ("regression", "classification")
    )
    if question == "classification" or not METHODS.spec("meta", method).needs_classes  # type: ignore[attr-defined]
]
CLASSIFIERS = [(method, network) for method, network, question in EVERY if question == "classification"]
# every network reads the pixels, as numbers or as an image
IMAGE = (1, 16, 16)
SHAPE = InputShape(256 + 2, (4,), image=IMAGE)
WAYS = {"regression": 1, "classification": 3}


def method_of(name: str) -> Any:
    """With its defaults, but for how long it adapts."""
    spec: Any = METHODS.spec("meta", name)
    return spec(evaluation_steps=3) if "evaluation_steps" in spec.model_fields else spec()


def learner_of(method, network, question, *, normalisation="inductive", dropout=False, seed=0):
    torch.manual_seed(seed)
    spec: Any = METHODS.spec("network", network)()
    if not dropout and "dropout" in type(spec).model_fields:
        spec = spec.model_copy(update={"dropout": 0.0})
    if "filters" in type(spec).model_fields:
        spec = spec.model_copy(update={"filters": 8})
    ways = WAYS[question]
    return method_of(method).build(spec, SHAPE, question, ways=ways, normalisation=normalisation)


def rows(tasks, count, question, *, seed=0):
    draw = torch.Generator().manual_seed(seed)
    numeric = torch.randn(tasks, count, SHAPE.numeric, generator=draw)
    category = torch.randint(0, 4, (tasks, count, 1), generator=draw)
    classes = torch.stack([torch.randperm(count, generator=draw) % 3 for _ in range(tasks)])
    labels = numeric[..., -1] if question == "regression" else classes
    return Rows(numeric, category, labels)


def episodes_of(tasks, question, *, support=5, query=7):
    return Episodes(rows(tasks, support, question), rows(tasks, query, question, seed=1))


def gradients(method, learner, episodes, question):
    learner.zero_grad()
    losses = method_of(method).add_gradient(learner, episodes, ways=WAYS[question])
    return losses, {name: parameter.grad.clone() for name, parameter in learner.named_parameters()}


def state(learner):
    return {name: tensor.clone() for name, tensor in learner.state_dict().items()}


@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize(("method", "network", "question"), EVERY)
def test_the_gradient_reaches_every_weight_and_moves_none(method, network, question, tasks):
    learner = learner_of(method, network, question, dropout=True).train()
    before = {name: parameter.clone() for name, parameter in learner.named_parameters()}
    losses, found = gradients(method, learner, episodes_of(tasks, question), question)
    assert losses.shape == (tasks,)
    assert not losses.requires_grad
    assert torch.isfinite(losses).all()
    assert all(torch.isfinite(gradient).all() for gradient in found.values())
    assert all(gradient.any() for gradient in found.values())
    assert all(torch.equal(before[name], parameter) for name, parameter in learner.named_parameters())


@pytest.mark.parametrize(("method", "network"), CLASSIFIERS)
def test_the_gradient_is_added_to_what_is_there(method, network):
    learner, episodes = learner_of(method, network, "classification"), episodes_of(2, "classification")
    _, once = gradients(method, learner, episodes, "classification")
    method_of(method).add_gradient(learner, episodes, ways=3)
    for name, parameter in learner.named_parameters():
        torch.testing.assert_close(parameter.grad, 2 * once[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("normalisation", ["inductive", "transductive"])
@pytest.mark.parametrize(("method", "network"), CLASSIFIERS)
def test_the_gradient_is_the_mean_over_the_tasks(method, network, normalisation):
    # in double precision: second derivatives through a normalisation of five rows magnify the last bits
    learner = learner_of(method, network, "classification", normalisation=normalisation).double()
    episodes = episodes_of(3, "classification")
    episodes = Episodes(
        *(Rows(each.numeric.double(), *each.tensors[1:]) for each in (episodes.support, episodes.query))
    )
    losses, together = gradients(method, learner, episodes, "classification")
    alone = [
        gradients(method, learner, Episodes(episodes.support[part], episodes.query[part]), "classification")
        for part in (slice(task, task + 1) for task in range(3))
    ]
    torch.testing.assert_close(losses, torch.cat([loss for loss, _ in alone]))
    for name, gradient in together.items():
        expected = torch.stack([of_task[name] for _, of_task in alone]).mean(0)
        torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("normalisation", ["inductive", "transductive"])
@pytest.mark.parametrize(("method", "network", "question"), EVERY)
def test_adaptation_leaves_the_learner_bit_for_bit(method, network, question, normalisation, training):
    learner = learner_of(method, network, question, normalisation=normalisation, dropout=True).train(training)
    before, random, support = state(learner), torch.get_rng_state(), rows(2, 5, question)
    adapted = method_of(method).adapt(learner, support, ways=WAYS[question])
    first = answers(learner, adapted, support)
    again = method_of(method).adapt(learner, support, ways=WAYS[question])
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())
    assert all(module.training is training for module in learner.modules())
    assert all(parameter.grad is None for parameter in learner.parameters())
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(first, answers(learner, again, support))
    assert not any(t.requires_grad for t in (adapted.weight, adapted.bias, *adapted.trunk.values(), first))


@pytest.mark.parametrize(("method", "network", "question"), EVERY)
def test_the_same_seed_makes_the_same_learner(method, network, question):
    def trained():
        learner = learner_of(method, network, question, dropout=True).train()
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.01)
        for _ in range(2):
            optimizer.zero_grad()
            method_of(method).add_gradient(learner, episodes_of(2, question), ways=WAYS[question])
            optimizer.step()
        return state(learner)

    first, second = trained(), trained()
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())


@pytest.mark.parametrize(("method", "network", "question"), EVERY)
def test_what_a_task_has_of_its_own_makes_the_same_model_elsewhere(method, network, question):
    learner = learner_of(method, network, question).eval()
    support, query = rows(2, 5, question), rows(2, 4, question, seed=1)
    adapted = method_of(method).adapt(learner, support, ways=WAYS[question])
    expected = answers(learner, adapted, query)
    assert expected.shape == (2, 4, WAYS[question])
    other = learner_of(method, network, question, seed=9).trunk.eval()
    for task in range(2):
        other.load_state_dict(learner.trunk.state_dict() | {name: t[task] for name, t in adapted.trunk.items()})
        found = other(query.numeric[task], query.category[task]) @ adapted.weight[task].T + adapted.bias[task]
        torch.testing.assert_close(found, expected[task], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("method", "network"), CLASSIFIERS)
def test_only_a_transductive_answer_depends_on_the_rows_asked_with_it(method, network):
    support, query = rows(2, 5, "classification"), rows(2, 4, "classification", seed=1)
    one = Rows(*(tensor[:, :1] for tensor in query.tensors))
    for normalisation in ("inductive", "transductive"):
        learner = learner_of(method, network, "classification", normalisation=normalisation)
        adapted = method_of(method).adapt(learner, support, ways=3)
        among, alone = answers(learner, adapted, query)[:, :1], answers(learner, adapted, one)
        depends = normalisation == "transductive" and normalises(learner.trunk)
        assert torch.allclose(among, alone, rtol=1e-4, atol=1e-4) is not depends


@pytest.mark.parametrize(("method", "network", "question"), EVERY)
def test_one_row_of_support_is_enough_to_adapt(method, network, question):
    learner = learner_of(method, network, question)
    adapted = method_of(method).adapt(learner, rows(3, 1, question), ways=WAYS[question])
    assert torch.isfinite(answers(learner, adapted, rows(3, 4, question, seed=1))).all()


@pytest.mark.parametrize(("method", "network"), CLASSIFIERS)
def test_adaptation_works_where_gradients_are_switched_off(method, network):
    learner, support = learner_of(method, network, "classification"), rows(2, 5, "classification")
    expected = method_of(method).adapt(learner, support, ways=3)
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            found = method_of(method).adapt(learner, support, ways=3)
        assert torch.equal(found.weight, expected.weight)


@pytest.mark.parametrize(("method", "network"), CLASSIFIERS)
def test_adapting_is_worth_it_where_the_support_shows_the_answer(method, network):
    """Classes that lie apart, and as queries the support itself."""
    learner, support = learner_of(method, network, "classification"), rows(4, 6, "classification")
    support.numeric[:] = 2 * torch.randn(3, SHAPE.numeric)[support.labels] + 0.1 * support.numeric
    spec = method_of(method)
    steps = {"evaluation_steps": 40} | ({"inner_rate": 0.02} if method == "maml" else {"inner_rate": 0.01})
    if "inner_rate" in type(spec).model_fields:
        spec = spec.model_copy(update=steps)
    found = answers(learner, spec.adapt(learner, support, ways=3), support)
    assert (found.argmax(-1) == support.labels).float().mean() > 0.9
