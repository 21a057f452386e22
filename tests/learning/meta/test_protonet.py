"""Prototypical networks: the values of METHODS.md, card 51, and their symmetries."""

from typing import Any

import pytest
import torch

from learning.meta.base import Episodes, Learner, Rows, answers, represented
from learning.meta.protonet import Protonet, logits, prototypes
from learning.networks.base import InputShape
from learning.networks.conv4 import Conv4
from learning.networks.mlp import Mlp
from tests.learning.meta import quadratic


def rows(points, labels):
    numeric = torch.tensor([points])
    return Rows(numeric, torch.zeros(1, len(points), 0, dtype=torch.long), torch.tensor([labels]))


def drawn(tasks, count, *, ways=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    labels = torch.stack([torch.randperm(count, generator=draw) % ways for _ in range(tasks)])
    return Rows(torch.randn(tasks, count, 3, generator=draw), torch.zeros(tasks, count, 0, dtype=torch.long), labels)


def points():
    """A learner whose representation of a row is the row."""
    return Learner(quadratic.Identity(2), "classification", ways=None)


def network(seed=0):
    torch.manual_seed(seed)
    learner: Any = Protonet().build(Mlp(widths=(8, 6), dropout=0.0), InputShape(3), "classification", ways=3)
    return learner


def test_a_query_is_scored_by_its_squared_distance_to_each_prototype():
    support = rows([[0.0, 0.0], [3.0, 4.0]], [0, 1])
    centres, _ = prototypes(support.numeric, support.labels, ways=2)
    assert logits(torch.tensor([[[1.0, 0.0]]]), centres).tolist() == [[[-1.0, -20.0]]]


def test_the_head_gives_the_same_scores_up_to_a_number_that_all_classes_share():
    adapted = Protonet().adapt(points(), rows([[0.0, 0.0], [3.0, 4.0]], [0, 1]), ways=2)
    assert answers(points(), adapted, rows([[1.0, 0.0]], [0])).tolist() == [[[0.0, -19.0]]]
    assert (adapted.weight.tolist(), adapted.bias.tolist()) == ([[[0.0, 0.0], [6.0, 8.0]]], [[0.0, -25.0]])
    assert adapted.trunk == {}


def test_with_one_shot_the_prototypes_are_the_supports_representations():
    learner, support = network(), drawn(2, 3)
    adapted = Protonet().adapt(learner, support, ways=3)
    for task in range(2):
        z = learner.trunk(support.numeric[task], support.category[task]).detach()
        torch.testing.assert_close(adapted.weight[task], 2 * z[support.labels[task].argsort()])


def test_shots_may_differ_between_classes():
    adapted = Protonet().adapt(points(), rows([[0.0, 0.0], [2.0, 0.0], [5.0, 5.0]], [0, 0, 1]), ways=2)
    assert adapted.weight.tolist() == [[[2.0, 0.0], [10.0, 10.0]]]


def test_the_order_of_the_support_does_not_matter():
    learner, support, query = network(), drawn(2, 7), drawn(2, 5, seed=1)
    order = torch.randperm(7)
    turned = Rows(*(tensor[:, order] for tensor in support.tensors))
    first, second = (answers(learner, Protonet().adapt(learner, some, ways=3), query) for some in (support, turned))
    torch.testing.assert_close(first, second)


def test_renamed_classes_are_answered_by_their_new_names():
    learner, support, query = network(), drawn(2, 7), drawn(2, 5, seed=1)
    names = torch.tensor([2, 0, 1])
    renamed = Rows(support.numeric, support.category, names[support.labels])
    before, after = (answers(learner, Protonet().adapt(learner, some, ways=3), query) for some in (support, renamed))
    torch.testing.assert_close(after[..., names], before)


def test_the_loss_is_that_of_the_head_and_its_gradient_reaches_the_trunk():
    learner, episodes = network(), Episodes(drawn(4, 6), drawn(4, 9, seed=1))
    losses = Protonet().add_gradient(learner, episodes, ways=3)
    outputs = answers(learner, Protonet().adapt(learner, episodes.support, ways=3), episodes.query)
    expected = torch.nn.functional.cross_entropy(outputs.transpose(1, 2), episodes.query.labels, reduction="none")
    torch.testing.assert_close(losses, expected.mean(1))
    found = [parameter.grad.clone() for parameter in learner.parameters()]

    learner.zero_grad()
    for task in range(4):
        part = slice(task, task + 1)
        Protonet().add_gradient(learner, Episodes(episodes.support[part], episodes.query[part]), ways=3)
    for gradient, parameter in zip(found, learner.parameters(), strict=True):
        assert gradient.any()
        torch.testing.assert_close(gradient, parameter.grad / 4)


def test_a_class_without_a_row_is_never_the_answer_and_teaches_nothing():
    support, query = rows([[0.0, 0.0], [3.0, 4.0]], [0, 2]), rows([[1.0, 0.0], [9.0, 9.0], [2.0, 2.0]], [0, 1, 2])
    adapted = Protonet().adapt(points(), support, ways=3)
    probabilities = answers(points(), adapted, query).softmax(-1)
    assert torch.isfinite(adapted.bias).all()
    assert not probabilities[..., 1].any()

    learner = Learner(Mlp(widths=(4,), dropout=0.0).build(InputShape(2)), "classification", ways=None)
    episodes = Episodes(support, query)
    found = Protonet().add_gradient(learner, episodes, ways=3)
    known = Rows(*(tensor[:, [0, 2]] for tensor in query.tensors))
    torch.testing.assert_close(found, Protonet().add_gradient(learner, Episodes(support, known), ways=3))
    unknown = Rows(*(tensor[:, [1]] for tensor in query.tensors))
    assert Protonet().add_gradient(learner, Episodes(support, unknown), ways=3).tolist() == [0.0]


@pytest.mark.parametrize("ways", [2, 7])
def test_more_or_fewer_classes_than_in_training_are_answered(ways):
    adapted = Protonet().adapt(network(), drawn(2, 14, ways=ways), ways=ways)
    assert adapted.weight.shape == (2, ways, 6)


def test_it_is_for_classes_only():
    assert Protonet.needs_classes
    assert not Protonet.has_head


def test_rows_are_embedded_in_passes_of_the_size_that_suits_the_network():
    learner, support = network(), drawn(3, 5)
    whole = Protonet().adapt(learner, support, ways=3)
    sizes = []
    learner.trunk.register_forward_pre_hook(lambda _, arguments: sizes.append(len(arguments[0])))
    learner.trunk.rows_at_once = lambda device: 4
    cut = Protonet().adapt(learner, support, ways=3)
    assert sizes == [4, 4, 4, 3]
    torch.testing.assert_close(cut.weight, whole.weight)


def test_in_training_each_pass_of_a_normalising_network_has_a_share_of_every_class():
    torch.manual_seed(0)
    network = Conv4(filters=4)
    learner: Any = Protonet().build(network, InputShape(256, image=(1, 16, 16)), "classification", ways=3).train()
    learner.trunk.rows_at_once = lambda device: 4
    seen = []
    learner.trunk.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0][:, 0].long().tolist()))
    sorted_by_class = torch.arange(9) // 3
    rows = Rows(torch.randn(1, 9, 256), torch.zeros(1, 9, 0, dtype=torch.long), sorted_by_class.unsqueeze(0))
    rows.numeric[0, :, 0] = sorted_by_class.float()

    z = represented(learner, rows)

    assert seen == [[0, 1, 2], [0, 1, 2], [0, 1, 2]]
    learner.trunk.rows_at_once = lambda device: 3
    first = Rows(*(tensor[:, ::3] for tensor in rows.tensors))
    torch.testing.assert_close(z[:, ::3], represented(learner, first))
