"""A model with one trunk can begin with given heads, whatever it makes its heads of."""

from typing import Any

import pytest
import torch

from learning.multitask.sharing.one_trunk import OneTrunk
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from learning.registry import registry
from learning.tasks import Layout, Slot

LAYOUT = Layout(groups=3, slots=(Slot("regression", 1), Slot("multiclass", 3)))
ONE = [name for name in registry().names("sharing") if name != "soft"]


def built(name, layout=LAYOUT):
    torch.manual_seed(0)
    spec: Any = registry().spec("sharing", name)()
    return spec.build(Mlp(widths=(4,), dropout=0.0), InputShape(numeric=2), layout)


def heads(layout):
    draw = torch.Generator().manual_seed(1)
    shape = (layout.groups, layout.units)
    return torch.randn(*shape, 4, generator=draw), torch.randn(shape, generator=draw)


def answers(model, rows, group):
    with torch.no_grad():
        return model(rows, torch.zeros(len(rows), 0, dtype=torch.int64), torch.full((len(rows),), group))


@pytest.mark.parametrize("name", registry().names("sharing"))
def test_all_ways_but_soft_have_one(name):
    assert isinstance(built(name), OneTrunk) == (name in ONE)


@pytest.mark.parametrize("name", ONE)
def test_a_known_head_answers_as_it_did_and_the_others_are_as_at_first(name):
    model, fresh = built(name), built(name)
    weight, bias = heads(LAYOUT)
    known = torch.zeros(LAYOUT.groups, LAYOUT.units, dtype=torch.bool)
    known[0, 1:] = known[2] = True
    model.begin_heads(weight, bias, known)

    rows = torch.randn(5, 2, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        z = model.trunk(rows, torch.zeros(5, 0, dtype=torch.int64))
    for group in range(LAYOUT.groups):
        wanted, found = z @ weight[group].T + bias[group], answers(model, rows, group)
        own = known[group]
        assert torch.allclose(found[:, own], wanted[:, own], atol=1e-6)
    if name == "hard":
        new = ~known[1]
        assert torch.equal(answers(model, rows, 1)[:, new], answers(fresh, rows, 1)[:, new])


def test_where_heads_are_tied_a_new_one_begins_at_the_mean_of_the_known():
    model = built("mean_regularised")
    weight, bias = heads(LAYOUT)
    known = torch.zeros(LAYOUT.groups, LAYOUT.units, dtype=torch.bool)
    known[[0, 2]] = True
    model.begin_heads(weight, bias, known)

    assert torch.allclose(model.common.weight, weight[[0, 2]].mean(0))
    assert torch.allclose(model.common.bias, bias[[0, 2]].mean(0))
    assert bool((model.heads.weight[1] == 0).all())


def test_tied_targets_of_one_group_have_one_mean():
    layout = Layout(groups=1, slots=(Slot("regression", 1), Slot("regression", 1), Slot("binary", 1)))
    model = built("mean_regularised", layout)
    before = model.common.weight[1].clone()
    weight, bias = heads(layout)
    model.begin_heads(weight, bias, torch.tensor([[True, True, False]]))

    assert torch.allclose(model.common.weight[0], weight[0, :2].mean(0))
    assert torch.equal(model.common.weight[1], before)
    assert torch.allclose(model.heads.weight[0, 0] + model.common.weight[0], weight[0, 0])
