"""Conv4: what the papers say of it, and that it is one network in training, in serving and in every memory format."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.func import functional_call, grad, vmap
from torch.nn import functional

from learning.networks import conv4
from learning.networks.base import InputShape
from learning.networks.conv4 import Block, Conv4
from learning.networks.convolution_plan import ROWS_AT_A_TIME, channels_last
from learning.networks.normalisation import Normalisation, statistics

OMNIGLOT = InputShape(28 * 28, (), (1, 28, 28))
SMALL = InputShape(3 * 16 * 18 + 2, (5,), (3, 16, 18))


def rows(shape, count=9, seed=0):
    draw = torch.Generator().manual_seed(seed)
    category = [torch.randint(0, k, (count, 1), generator=draw) for k in shape.cardinalities]
    none = torch.empty(count, 0, dtype=torch.int64)
    return torch.randn(count, shape.numeric, generator=draw), torch.cat(category, dim=1) if category else none


def trained(spec, shape):
    """A trunk that has seen some batches, so that its normalisations remember something."""
    torch.manual_seed(3)
    trunk = spec.build(shape)
    for seed in range(5):
        trunk(*rows(shape, seed=seed))
    for layer in trunk.modules():
        if isinstance(layer, Normalisation):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
    return trunk


def blocks(trunk):
    return [block for block in trunk.blocks if isinstance(block, Block)]


@pytest.mark.parametrize(
    ("spec", "shape", "width"),
    [
        (Conv4(), OMNIGLOT, 64),  # Vinyals et al.: 28 × 28 leaves 1 × 1 × 64
        (Conv4(pooling=False), OMNIGLOT, 2 * 2 * 64),
        (Conv4(filters=32), InputShape(3 * 84 * 84, (), (3, 84, 84)), 5 * 5 * 32),  # Ravi and Larochelle's miniImageNet
        (Conv4(filters=(4, 5, 6, 7)), OMNIGLOT, 7),
    ],
)
def test_an_image_becomes_as_many_numbers_as_the_papers_say(spec, shape, width):
    assert spec.out_features(shape) == width
    assert spec.build(shape)(*rows(shape, 2)).shape == (2, width)


def test_conv4_64_has_the_size_of_the_papers():
    convolutions, normalisations = 9 * 64 + 3 * 9 * 64 * 64, 4 * 2 * 64
    assert Conv4().parameters(OMNIGLOT) == convolutions + normalisations == 111_680


@pytest.mark.parametrize("pooling", [True, False])
def test_a_pass_is_four_times_convolution_normalisation_relu_and_halving(pooling):
    trunk = trained(Conv4(filters=4, pooling=pooling), SMALL).eval()
    numeric, category = rows(SMALL)
    x = numeric[:, : SMALL.pixels].view(-1, 3, 16, 18)
    for block in blocks(trunk):
        layer = block.normalisation
        z = functional.conv2d(x, block.convolution.weight, stride=1 if pooling else 2, padding=1)
        z = (z - layer.running_mean.view(1, -1, 1, 1)) / (layer.running_var.view(1, -1, 1, 1) + 1e-5).sqrt()
        x = (z * layer.weight.view(1, -1, 1, 1) + layer.bias.view(1, -1, 1, 1)).relu()
        x = functional.max_pool2d(x, 2) if pooling else x
    expected = torch.cat([x.flatten(1), numeric[:, SMALL.pixels :], trunk.embeddings[0](category[:, 0])], 1)
    torch.testing.assert_close(trunk(numeric, category), expected)


def test_the_memory_format_changes_nothing(monkeypatch):
    trunk = trained(Conv4(filters=4), SMALL).eval()
    expected = trunk(*rows(SMALL))
    monkeypatch.setattr(conv4, "channels_last", lambda x: x.contiguous())
    torch.testing.assert_close(trunk(*rows(SMALL)), expected)


def test_the_channels_of_a_pixel_lie_side_by_side():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(channels_last(x), x)
    assert channels_last(x).is_contiguous(memory_format=torch.channels_last)


def test_pixels_are_read_channel_by_channel_and_row_by_row():
    trunk = trained(Conv4(filters=4), SMALL).eval()
    numeric, category = rows(SMALL)
    image = numeric[:, : SMALL.pixels].view(-1, 3, 16, 18)
    swapped = torch.cat([image.flip(1).flatten(1), numeric[:, SMALL.pixels :]], 1)
    first = blocks(trunk)[0].convolution
    with torch.no_grad():
        flipped = trained(Conv4(filters=4), SMALL).eval()
        flipped.load_state_dict(trunk.state_dict())
        blocks(flipped)[0].convolution.weight.copy_(first.weight.flip(1))
    torch.testing.assert_close(flipped(swapped, category), trunk(numeric, category))


def test_what_moves_in_the_image_moves_before_the_halving():
    convolution = blocks(trained(Conv4(filters=4), SMALL))[0].convolution
    x = torch.zeros(1, 3, 16, 18)
    x[:, :, 5:8, 5:9] = torch.randn(3, 3, 4)
    moved = convolution(torch.roll(x, (3, 4), (2, 3)))
    torch.testing.assert_close(moved, torch.roll(convolution(x), (3, 4), (2, 3)))


@pytest.mark.parametrize("pooling", [True, False])
@pytest.mark.parametrize("count", [1, 63, 64, 130])
def test_serving_equals_evaluation_whatever_the_number_of_rows(pooling, count):
    spec = Conv4(filters=4, pooling=pooling)
    trunk = trained(spec, SMALL).eval()
    numeric, category = rows(SMALL, count)
    plan = spec.plan({name: tensor.numpy() for name, tensor in trunk.state_dict().items()})
    found = plan(numeric.numpy(), category.numpy())
    np.testing.assert_allclose(found, trunk(numeric, category).detach().numpy(), rtol=1e-5, atol=1e-5)
    alone = np.concatenate([plan(numeric.numpy()[i : i + 1], category.numpy()[i : i + 1]) for i in range(count)])
    np.testing.assert_allclose(found, alone, rtol=1e-5, atol=1e-5)


def test_a_state_with_another_image_is_refused():
    state = {name: tensor.numpy() for name, tensor in Conv4(filters=4).build(SMALL).state_dict().items()}
    with pytest.raises(ValueError, match="expected an image as the first convolution reads it"):
        Conv4(filters=4).plan(state | {"image": np.array([1, 16, 18], np.float32)})
    larger = Conv4(filters=4).plan(state | {"image": np.array([3, 64, 64], np.float32)})
    with pytest.raises(ValueError, match="expected 12288 pixels first"):
        larger(np.zeros((1, SMALL.numeric), np.float32), np.zeros((1, 1), np.int64))


def test_a_step_moves_what_the_normalisations_remember_and_evaluation_does_not():
    trunk = Conv4(filters=4).build(SMALL)
    before = blocks(trunk)[0].normalisation.running_mean.clone()
    trunk(*rows(SMALL))
    after = blocks(trunk)[0].normalisation.running_mean.clone()
    assert not torch.equal(after, before)
    trunk.eval()
    trunk(*rows(SMALL))
    assert torch.equal(blocks(trunk)[0].normalisation.running_mean, after)


def test_a_last_batch_of_one_row_is_learned_from_too():
    shape = InputShape(9 * 9, (), (1, 9, 9))
    trunk = Conv4(filters=4, pooling=False).build(shape)  # its last block sees a single pixel
    trunk(*rows(shape, 1)).sum().backward()
    assert blocks(trunk)[0].convolution.weight.grad.isfinite().all()


def test_stacked_copies_run_together_as_each_alone_by_their_own_statistics():
    spec = Conv4(filters=4)
    trunks = [spec.build(SMALL).eval() for _ in range(2)]
    stacked = {
        name: torch.stack([dict(t.named_parameters())[name] for t in trunks])
        for name, _ in trunks[0].named_parameters()
    }
    numeric, category = rows(SMALL)

    def loss(parameters, numeric, category):
        return functional_call(trunks[0], parameters, (numeric, category)).square().mean()

    with statistics():
        together = vmap(grad(loss), in_dims=(0, None, None))(stacked, numeric, category)
        for index, trunk in enumerate(trunks):
            trunk(numeric, category).square().mean().backward()
            for key, parameter in trunk.named_parameters():
                torch.testing.assert_close(together[key][index], parameter.grad, rtol=1e-4, atol=1e-5)


def test_all_of_its_state_is_float32():
    assert {tensor.dtype for tensor in Conv4().build(OMNIGLOT).state_dict().values()} == {torch.float32}


def test_dropout_acts_in_training_only():
    trunk = Conv4(filters=4, dropout=0.5).build(SMALL)
    with statistics():
        assert not torch.equal(trunk(*rows(SMALL)), trunk(*rows(SMALL)))
    trunk.eval()
    assert torch.equal(trunk(*rows(SMALL)), trunk(*rows(SMALL)))


@pytest.mark.parametrize(
    ("spec", "shape", "found"),
    [
        (Conv4(), InputShape(784), "found none"),
        (Conv4(), InputShape(15 * 28, (), (1, 15, 28)), "at least 16 × 16 pixels for four poolings, found 15 × 28"),
        (Conv4(pooling=False), InputShape(64, (), (1, 8, 8)), "at least 9 × 9 pixels"),
    ],
)
def test_inputs_that_it_cannot_halve_four_times_are_told(spec, shape, found):
    assert found in (spec.misfit(shape) or "")
    with pytest.raises(ValueError, match="expected"):
        spec.build(shape)


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 40, 17)])
def test_the_smallest_image_that_it_accepts_works(shape):
    inputs = InputShape(shape[0] * shape[1] * shape[2], (), shape)
    assert Conv4(filters=2).misfit(inputs) is None
    assert Conv4(filters=2).build(inputs)(*rows(inputs, 3)).isfinite().all()


@pytest.mark.parametrize(
    "values",
    [{"filters": 0}, {"filters": [8, 8, 8]}, {"filters": 10**6}, {"pooling": 1}, {"dropout": 1.0}, {"filters": 8.0}],
)
def test_a_conv4_out_of_bounds_is_refused(values):
    with pytest.raises(ValidationError):
        Conv4.model_validate(values)


def test_its_tasks_are_stacked_on_a_gpu_only_and_its_rows_cut_on_a_cpu_only():
    trunk = Conv4(filters=4).build(OMNIGLOT)
    assert [trunk.batched_over_tasks(torch.device(name)) for name in ("cpu", "cuda")] == [False, True]
    assert [trunk.rows_at_once(torch.device(name)) for name in ("cpu", "cuda")] == [ROWS_AT_A_TIME, None]
