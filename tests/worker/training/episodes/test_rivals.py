"""The rivals that see a support and nothing else."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.neighbors import NearestCentroid

from learning.meta.base import Episodes, Learner, Rows
from learning.networks.base import InputShape
from learning.networks.conv4 import Conv4
from worker.training.episodes.rivals import LAMBDAS, answered, nearest_centroid, ridge


def rows(numeric, labels):
    numeric = torch.tensor(numeric, dtype=torch.float32)
    return Rows(numeric, torch.zeros(*numeric.shape[:2], 0, dtype=torch.int64), torch.tensor(labels))


def episodes(tasks=4, shots=8, queries=5, width=3):
    random = np.random.default_rng(0)
    x = random.normal(size=(tasks, shots + queries, width))
    y = (x @ random.normal(size=(width, 1)))[..., 0] + random.normal(scale=0.3, size=x.shape[:2])
    y = y.astype(np.float32)
    return Episodes(rows(x[:, :shots], y[:, :shots]), rows(x[:, shots:], y[:, shots:]))


def left_out(x, y, penalty):
    """The squared error of leaving each row out in turn."""
    found = []
    for row in range(len(x)):
        kept = np.arange(len(x)) != row
        found.append((Ridge(alpha=penalty).fit(x[kept], y[kept]).predict(x[row : row + 1])[0] - y[row]) ** 2)
    return np.mean(found)


def test_the_ridge_is_that_of_the_penalty_that_is_best_with_each_row_left_out():
    drawn = episodes()
    found = ridge(drawn)[..., 0].numpy()
    for task in range(4):
        x, y = drawn.support.numeric[task].double().numpy(), drawn.support.labels[task].double().numpy()
        best = min(LAMBDAS, key=lambda penalty: left_out(x, y, penalty))
        expected = Ridge(alpha=best).fit(x, y).predict(drawn.query.numeric[task].double().numpy())
        np.testing.assert_allclose(found[task], expected, rtol=1e-4, atol=1e-4)


def test_a_support_of_one_row_answers_with_its_label():
    drawn = episodes(shots=1)
    np.testing.assert_allclose(ridge(drawn)[..., 0], drawn.support.labels.expand(-1, 5), atol=1e-5)


def test_the_nearest_centroid_is_that_of_the_library():
    random = np.random.default_rng(1)
    x, y = random.normal(size=(6, 9, 4)), np.tile(np.arange(9) % 3, (6, 1))
    asked = random.normal(size=(6, 7, 4))
    found = nearest_centroid(Episodes(rows(x, y), rows(asked, np.zeros((6, 7), np.int64))), ways=3).argmax(2)
    for task in range(6):
        assert (NearestCentroid().fit(x[task], y[task]).predict(asked[task]) == found[task].numpy()).all()


def test_a_class_without_a_row_is_never_answered():
    found = nearest_centroid(Episodes(rows([[[0.0], [1.0]]], [[0, 2]]), rows([[[0.4]]], [[0]])), ways=3)
    assert found.argmax(2).item() == 0
    assert found[0, 0, 1] == -torch.inf


def test_equal_categories_are_near():
    support = Rows(torch.zeros(1, 2, 1), torch.tensor([[[4], [7]]]), torch.tensor([[0, 1]]))
    query = Rows(torch.zeros(1, 2, 1), torch.tensor([[[7], [4]]]), torch.tensor([[1, 0]]))
    assert nearest_centroid(Episodes(support, query), ways=2).argmax(2).tolist() == [[1, 0]]


@pytest.mark.parametrize(("normalisation", "same"), [("inductive", False), ("transductive", True)])
@pytest.mark.parametrize("tasks", [1, 3])
def test_queries_are_normalised_as_the_job_says(normalisation, same, tasks):
    trunk = Conv4(filters=4).build(InputShape(256, image=(1, 16, 16)))
    learner = Learner(trunk, "classification", ways=2, normalisation=normalisation).eval()
    weights = {name: torch.stack([tensor.detach()] * tasks) for name, tensor in learner.named_parameters()}
    buffers = dict(learner.named_buffers())
    labels = np.zeros((tasks, 5), np.int64)
    random = np.random.default_rng(0)
    query, *supports = (rows(scale * random.normal(size=(tasks, 5, 256)), labels) for scale in (1, 1, 3))
    one, other = (answered(learner, weights, buffers, Episodes(support, query)) for support in supports)
    assert torch.allclose(one, other, atol=1e-5) == same
