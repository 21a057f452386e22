"""Rivals on images: alone by the same convolutions, and in scikit-learn on a few averaged pixels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from learning.encoding import Encoded
from learning.multitask.sharing.hard import Hard
from learning.networks.base import InputShape
from learning.networks.conv4 import Conv4
from learning.tasks import Layout, Slot
from tests.worker.training.baselines.toy import alone, job
from worker.training.baselines.design import shrunk
from worker.training.baselines.members import member_seed
from worker.training.baselines.single_task import single_task

SHAPE = InputShape(3 * 12 * 10, (), (3, 12, 10))


def test_images_are_averaged_over_boxes_as_equal_as_can_be():
    random = np.random.default_rng(0)
    numeric = random.normal(size=(5, 3 * 28 * 20 + 2)).astype(np.float32)
    small = shrunk(Encoded(numeric, np.arange(5)[:, None]), (3, 28, 20))
    assert small.numeric.shape == (5, 3 * 8 * 8 + 2)
    assert small.numeric.dtype == np.float32
    planes = numeric[:, :-2].reshape(5, 3, 28, 20)
    bounds = [np.arange(9) * side // 8 for side in (28, 20)]
    for i, j in ((0, 0), (3, 5), (7, 7)):
        box = planes[:, :, bounds[0][i] : bounds[0][i + 1], bounds[1][j] : bounds[1][j + 1]]
        np.testing.assert_allclose(small.numeric[:, :-2].reshape(5, 3, 8, 8)[:, :, i, j], box.mean((2, 3)), atol=1e-6)
    np.testing.assert_array_equal(small.numeric[:, -2:], numeric[:, -2:])
    assert small.category.tolist() == [[0], [1], [2], [3], [4]]


@pytest.mark.parametrize(("image", "width"), [((1, 5, 30), 5 * 8), ((1, 30, 6), 8 * 6)])
def test_a_side_that_is_short_stays_as_it_is(image, width):
    encoded = Encoded(np.ones((2, image[1] * image[2]), np.float32), np.empty((2, 0), np.int64))
    assert shrunk(encoded, image).numeric.tolist() == [[1.0] * width] * 2


@pytest.mark.parametrize("image", [None, (3, 8, 8)])
def test_rows_of_few_numbers_are_left_alone(image):
    encoded = Encoded(np.ones((2, 192), np.float32), np.empty((2, 0), np.int64))
    assert shrunk(encoded, image) is encoded


def plainly(encoded, task, how):
    """One task under one seed, in an ordinary loop with torch's own modes."""
    seed = member_seed(how.seed, 0, task.name)
    torch.manual_seed(seed)
    model = Hard().build(how.network, how.inputs, Layout(1, (Slot("binary", 1),)))
    # not Adam, whose first steps follow the sign of a gradient however near to 0: of its rounding, then
    optimizer = torch.optim.SGD(model.parameters(), how.training.learning_rate, momentum=0.9)
    order, numeric = np.random.default_rng(seed), torch.from_numpy(encoded.numeric)
    category = torch.empty(len(numeric), 0, dtype=torch.int64)

    def loss(part, places):
        outputs = model(numeric[part.rows[places]], category[part.rows[places]])
        return functional.binary_cross_entropy_with_logits(outputs[:, 0], torch.tensor(part.labels[places]).float())

    lowest, best = np.inf, {}
    for _ in range(how.training.epochs):
        model.train()
        places = order.permutation(len(task.train))
        for start in range(0, len(places), how.training.batch_size):
            optimizer.zero_grad()
            loss(task.train, places[start : start + how.training.batch_size]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            found = float(loss(task.validation, np.arange(len(task.validation))))
        if found < lowest:
            lowest, best = found, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(best)
    with torch.no_grad():
        return model(numeric[task.test.rows], category[task.test.rows])[:, 0].sigmoid().numpy()


def test_each_task_learns_what_it_would_have_learned_by_itself_batch_statistics_included():
    encoded, tasks = job([50, 57, 64], kind="binary", features=SHAPE.numeric)
    network = Conv4(filters=3, pooling=False)
    how = replace(alone(encoded, network=network, epochs=4, optimizer="sgd", l2=0.0), inputs=SHAPE)
    for task, [output] in zip(tasks, single_task(encoded, tasks, how), strict=True):
        assert output == pytest.approx(plainly(encoded, task, how), abs=1e-4)


def test_a_member_that_stopped_leaves_the_others_alone():
    encoded, tasks = job([50], kind="binary", features=SHAPE.numeric)
    network = Conv4(filters=3, pooling=False)
    how = replace(alone(encoded, network=network, epochs=12, patience=1, repeats=3), inputs=SHAPE)
    [outputs] = single_task(encoded, tasks, how)
    again = single_task(encoded, tasks, replace(how, repeats=1))[0]
    assert len(outputs) == 3
    np.testing.assert_array_equal(outputs[0], again[0])
