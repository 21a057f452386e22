"""Every network that the registry holds, and what is particular to each."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.func import functional_call, grad, stack_module_state, vmap

from learning.networks.base import InputShape, embedding_width
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.registry import registry

SHAPES = [InputShape(3), InputShape(2, (5, 40)), InputShape(0, (3,))]
NETWORKS = sorted(registry().families["network"])


def inputs(shape, rows=7, seed=0):
    draw = torch.Generator().manual_seed(seed)
    category = [torch.randint(0, k, (rows, 1), generator=draw) for k in shape.cardinalities]
    return (
        torch.randn(rows, shape.numeric, generator=draw),
        torch.cat(category, dim=1) if category else torch.empty(rows, 0, dtype=torch.int64),
    )


def network(name):
    return registry().spec("network", name)()


def readable(name, shape):
    """The shape, behind an image where the network asks for one."""
    if network(name).misfit(shape) is None:
        return shape
    return InputShape(shape.numeric + 3 * 16 * 17, shape.cardinalities, (3, 16, 17))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_it_represents_rows_in_its_own_width(name, shape):
    spec, shape = network(name), readable(name, shape)
    trunk = spec.build(shape)
    assert trunk(*inputs(shape)).shape == (7, spec.out_features(shape))
    assert trunk.out_features == spec.out_features(shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_its_parameters_are_counted_without_building_it(name, shape):
    spec, shape = network(name), readable(name, shape)
    assert spec.parameters(shape) == sum(p.numel() for p in spec.build(shape).parameters())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_its_plan_equals_torchs_forward(name, shape):
    spec, shape = network(name), readable(name, shape)
    trunk = spec.build(shape).eval()
    numeric, category = inputs(shape)
    plan = spec.plan({key: value.numpy() for key, value in trunk.state_dict().items()})
    found = plan(numeric.numpy(), category.numpy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, trunk(numeric, category).detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in NETWORKS if network(name).stackable])
def test_stacked_copies_run_together_as_each_alone(name):
    shape = InputShape(2, (5, 4))
    trunks = [network(name).build(shape).eval() for _ in range(3)]
    stacked, buffers = stack_module_state(trunks)
    numeric, category = inputs(shape)

    def loss(parameters, buffers, numeric, category):
        return functional_call(trunks[0], (parameters, buffers), (numeric, category)).square().mean()

    together = vmap(grad(loss), in_dims=(0, 0, None, None))(stacked, buffers, numeric, category)
    for index, trunk in enumerate(trunks):
        trunk(numeric, category).square().mean().backward()
        for key, parameter in trunk.named_parameters():
            torch.testing.assert_close(together[key][index], parameter.grad)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_unseen_category_is_the_zero_vector_and_stays_it(name):
    shape = readable(name, InputShape(1, (4,)))
    trunk = network(name).build(shape)
    table = trunk.embeddings[0].weight
    optimizer = torch.optim.Adam(trunk.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        trunk(torch.ones(4, shape.numeric), torch.arange(4).unsqueeze(1)).square().sum().backward()
        optimizer.step()
    assert not table[0].any()
    assert table[1:].all()


def test_an_mlp_starts_as_he_says():
    trunk = Mlp(widths=(400, 300)).build(InputShape(500))
    for layer in trunk.layers:
        assert isinstance(layer, torch.nn.Linear)
        assert layer.weight.std().item() == pytest.approx((2 / layer.in_features) ** 0.5, rel=0.02)
        assert not layer.bias.any()


def test_a_linear_network_is_linear():
    trunk = Linear(width=3).build(InputShape(2))
    none = torch.empty(1, 0, dtype=torch.int64)
    a, b = torch.tensor([[1.0, 2.0]]), torch.tensor([[-3.0, 0.5]])
    zero = trunk(torch.zeros(1, 2), none)
    both = trunk(a + b, none) - zero
    torch.testing.assert_close(both, (trunk(a, none) - zero) + (trunk(b, none) - zero))


def test_dropout_acts_in_training_only():
    trunk = Mlp(widths=(64,), dropout=0.5).build(InputShape(4))
    rows = inputs(InputShape(4))
    assert not torch.equal(trunk(*rows), trunk(*rows))
    trunk.eval()
    assert torch.equal(trunk(*rows), trunk(*rows))


@pytest.mark.parametrize(("cardinality", "width"), [(2, 2), (3, 2), (12, 6), (102, 21), (1002, 32)])
def test_an_embedding_grows_with_its_column(cardinality, width):
    assert embedding_width(cardinality) == width


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (Mlp, {"widths": []}),
        (Mlp, {"widths": [0]}),
        (Mlp, {"widths": [10**9]}),
        (Mlp, {"widths": [1] * 9}),
        (Mlp, {"widths": [True]}),
        (Mlp, {"widths": [8.0]}),
        (Mlp, {"widths": "8"}),
        (Mlp, {"dropout": 1.0}),
        (Mlp, {"dropout": -0.1}),
        (Mlp, {"dropout": float("nan")}),
        (Mlp, {"name": "linear"}),
        (Mlp, {"depth": 2}),
        (Linear, {"width": 0}),
        (Linear, {"width": 10**9}),
    ],
)
def test_a_network_out_of_bounds_is_refused(spec, values):
    with pytest.raises(ValidationError):
        spec.model_validate(values)
