"""What holds for every network, every way of sharing and every way of balancing: a new file is tested from here on."""

import json
import re
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from learning.losses import Objective, TaskLosses
from learning.networks.base import InputShape
from learning.registry import registry
from learning.tasks import Layout, Slot

METHODS = registry()
EVERY = [(family, name) for family, methods in METHODS.families.items() for name in methods]
SHAPE = InputShape(3, (4, 6))
RATE = 0.02
WITH_IMAGE = InputShape(3 + 256, (4, 6), (1, 16, 16))
SLOTS = (Slot("regression", 1), Slot("binary", 1), Slot("multiclass", 3))
OBJECTIVES = [Objective(0, "mse"), Objective(1, "log_loss"), Objective(2, "log_loss")]
UNITS = {0: [0], 1: [1], 2: [2, 3, 4]}


def spec_of(family: str, name: str) -> Any:
    return METHODS.spec(family, name)


#: A network whose defaults take a test seconds, made small.
SMALLER = {"conv4": {"filters": 4}}


def network_of(name):
    return spec_of("network", name).model_validate(SMALLER.get(name, {}))


def shares(network, sharing):
    return spec_of("sharing", sharing)().misfit(network_of(network)) is None


PAIRS = list(product(METHODS.names("network"), METHODS.names("sharing")))
TOGETHER = [pair for pair in PAIRS if shares(*pair)]


def shape_of(network):
    return SHAPE if network_of(network).misfit(SHAPE) is None else WITH_IMAGE


def build(network, sharing, layout, *, seed=0):
    torch.manual_seed(seed)
    spec = network_of(network)
    return spec_of("sharing", sharing)().build(spec, shape_of(network), layout)


def rows(network, groups, count=24, seed=0):
    draw = torch.Generator().manual_seed(seed)
    numeric = torch.randn(count, shape_of(network).numeric, generator=draw)
    category = torch.cat([torch.randint(0, k, (count, 1), generator=draw) for k in SHAPE.cardinalities], dim=1)
    group = torch.arange(count) % groups
    labels = torch.stack([numeric[:, 0], (numeric[:, 1] > 0).float(), torch.arange(count) % 3.0], dim=1)
    labels[torch.rand(labels.shape, generator=draw) < 0.2] = float("nan")
    return numeric, category, group, labels


def train(balancing, network, sharing, layout, objectives, labels_of, *, steps=3):
    """Three steps of plain gradient descent; returns the weights."""
    model = build(network, sharing, layout).eval()
    losses = TaskLosses(layout, objectives)
    method = spec_of("balancing", balancing)().build(objectives)
    optimizer = torch.optim.SGD([*model.parameters(), *method.parameters()], lr=RATE)
    for step in range(steps):
        numeric, category, group, labels = rows(network, layout.groups, seed=step)
        optimizer.zero_grad()
        found = losses(model(numeric, category, group), labels_of(labels), group)
        method.backward(found, torch.ones(len(objectives)), model)
        optimizer.step()
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_its_defaults_work_and_survive_json(family, name):
    spec = spec_of(family, name)
    again = spec.model_validate_json(spec().model_dump_json(), strict=True)
    assert again == spec()
    assert json.loads(again.model_dump_json())["name"] == name


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_it_says_what_it_does_with_its_paper_and_an_example(family, name):
    spec = spec_of(family, name)
    assert re.search(r"https://(arxiv\.org|doi\.org|jmlr\.org|www\.jmlr\.org|openreview\.net)/\S+", spec.__doc__ or "")
    assert ">>> " in (spec.__doc__ or "")


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_its_parameters_are_described_and_bounded(family, name):
    for field, schema in spec_of(family, name).model_json_schema()["properties"].items():
        if field == "name":
            continue
        assert schema["description"], field
        value = next((one for one in schema.get("anyOf", []) if one["type"] != "null"), schema)
        value = value.get("items", value)
        if "enum" in value or value.get("type") == "boolean":
            continue
        assert {"minimum", "exclusiveMinimum", "minLength"} & value.keys(), field
        assert {"maximum", "exclusiveMaximum", "maxLength"} & value.keys(), field


@pytest.mark.parametrize(("network", "sharing"), [pair for pair in PAIRS if not shares(*pair)])
def test_what_cannot_be_shared_so_says_why(network, sharing):
    sentence = spec_of("sharing", sharing)().misfit(network_of(network))
    assert sentence.startswith("expected ")
    assert network in sentence


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_the_same_seed_makes_the_same_model(network, sharing, groups):
    layout = Layout(groups, SLOTS)
    first, second = (train("static", network, sharing, layout, OBJECTIVES, lambda labels: labels) for _ in range(2))
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_serving_equals_training(network, sharing, groups):
    layout = Layout(groups, SLOTS)
    model = build(network, sharing, layout).eval()
    numeric, category, group, _ = rows(network, groups)
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    plan = spec_of("sharing", sharing)().plan(network_of(network), state, layout)
    expected = model(numeric, category, group).detach().numpy()
    found = plan.per_row(numeric.numpy(), category.numpy(), group.numpy())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    for head, outputs in zip(
        range(groups), plan.per_group(numeric.numpy(), category.numpy(), range(groups)), strict=True
    ):
        own = group.numpy() == head
        np.testing.assert_allclose(outputs[own], expected[own], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_its_size_is_known_before_it_is_built(network, sharing, groups):
    layout, spec = Layout(groups, SLOTS), network_of(network)
    expected = sum(parameter.numel() for parameter in build(network, sharing, layout).parameters())
    assert spec_of("sharing", sharing)().parameters(spec, shape_of(network), layout) == expected


@pytest.mark.parametrize("k", range(3))
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_a_head_never_receives_another_tasks_gradient(network, sharing, k):
    layout = Layout(3, SLOTS)
    model = build(network, sharing, layout)
    numeric, category, group, labels = rows(network, 3)
    only_first_group = group == 0
    labels[~only_first_group] = float("nan")
    loss = TaskLosses(layout, OBJECTIVES)(model(numeric, category, group), labels, group)[k]
    others = [unit for unit in range(layout.units) if unit not in UNITS[k]]
    for gradient in torch.autograd.grad(loss, model.head_parameters()):
        assert gradient[0, UNITS[k]].any()
        assert not gradient[0, others].any()
        assert not gradient[1:].any()


@pytest.mark.parametrize("balancing", METHODS.names("balancing"))
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_a_task_without_labels_changes_nothing_for_the_others(network, sharing, balancing):
    layout = Layout(1, SLOTS)

    def masked(labels):
        labels = labels.clone()
        labels[:, 2] = float("nan")
        return labels

    three = train(balancing, network, sharing, layout, OBJECTIVES, masked)
    two = train(balancing, network, sharing, layout, OBJECTIVES[:2], masked)
    for name, tensor in three.items():
        torch.testing.assert_close(tensor, two[name])


@pytest.mark.parametrize("balancing", METHODS.names("balancing"))
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_the_same_seed_balances_alike(network, sharing, balancing):
    layout = Layout(3, SLOTS)
    first, second = (train(balancing, network, sharing, layout, OBJECTIVES, lambda labels: labels) for _ in range(2))
    assert all(torch.equal(first[name], tensor) for name, tensor in second.items())


@pytest.mark.parametrize("balancing", METHODS.names("balancing"))
@pytest.mark.parametrize(("network", "sharing"), TOGETHER)
def test_with_one_task_balancing_is_plain_training(network, sharing, balancing):
    layout = Layout(1, SLOTS[:1])
    balanced = train(balancing, network, sharing, layout, OBJECTIVES[:1], lambda labels: labels[:, :1])
    plain = build(network, sharing, layout).eval()
    optimizer = torch.optim.SGD(plain.parameters(), lr=RATE)
    for step in range(3):
        numeric, category, group, labels = rows(network, 1, seed=step)
        optimizer.zero_grad()
        TaskLosses(layout, OBJECTIVES[:1])(plain(numeric, category, group), labels[:, :1], group)[0].backward()
        optimizer.step()
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(balanced[name], tensor)
