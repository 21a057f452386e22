"""The training loop by itself, on tensors."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from learning.losses import Objective, TaskLosses
from learning.multitask.balancing.static import Static
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from learning.registry import registry
from learning.specs import TrainingSpec
from learning.tasks import Layout, Slot
from tests.worker.training.recorder import Recorder
from worker.training.batches import Batch
from worker.training.fitting import Checkpoints, Data, Recipe, fit
from worker.training.progress import Progress

INPUTS = InputShape(3, ())
SLOTS = (Slot("regression", 1), Slot("binary", 1))


class Operators(TorchDispatchMode):
    """Counts every operator that torch runs, those of the backward pass and of the optimiser included."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def rows(n, *, seed, groups=1):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=draw)
    y = x[:, 0] + torch.randn(n, generator=draw)
    # one class first, so that the parts of a validation differ
    hot = (torch.arange(n) >= 0.9 * n).float()
    return Batch(x, torch.zeros(n, 0, dtype=torch.int64), torch.arange(n) % groups, torch.stack([y, hot], dim=1))


def trained(folder, train, validation, *, groups=1, class_weight=None, width=8, sharing="hard", **training):
    """Fit both slots, a target each over all groups; return model, what `fit` returned, the losses and the channel."""
    torch.manual_seed(0)
    layout = Layout(groups, SLOTS)
    spec: Any = registry().spec("sharing", sharing)()
    model = spec.build(Mlp(widths=(width,), dropout=0.0), INPUTS, layout, rows=torch.ones(groups, 2))
    objectives = [Objective(0, "mse"), Objective(1, "log_loss", class_weight=class_weight)]
    losses = TaskLosses(layout, objectives)
    channel = Recorder()
    progress = Progress(channel)
    progress.enter("training")
    found = fit(
        model,
        Data(train, validation, ("y", "hot"), torch.ones(2)),
        Recipe(TrainingSpec(**training), Static(), losses, 0),
        checkpoints=Checkpoints(folder, 1, ()),
        channel=channel,
        progress=progress,
    )
    progress.finish()
    return model, found, losses, channel


def series(channel, task):
    return [p["value"] for p in channel.points if p["name"] == "validation/loss" and p["task"] == task]


@pytest.mark.parametrize("sharing", registry().names("sharing"))
def test_a_training_step_has_no_loop_over_groups(tmp_path, sharing):
    counts = []
    for groups in (10, 1000):
        with Operators() as operators:
            trained(
                tmp_path, rows(2000, seed=0, groups=groups), rows(50, seed=1), groups=groups, sharing=sharing, epochs=2
            )
        counts.append(operators.count)

    # a product of matrices takes an operator more or less by their shape
    assert 100 < counts[1] <= 1.01 * counts[0]


def test_class_weights_weigh_many_validation_rows_as_they_weigh_few(tmp_path):
    validation = rows(20_000, seed=1)

    model, _, losses, channel = trained(
        tmp_path, rows(200, seed=0), validation, class_weight=(0.55, 5.0), epochs=1, batch_size=64
    )

    with torch.no_grad():
        outputs = model(validation.numeric, validation.category, validation.group)
    expected = losses(outputs, validation.labels, validation.group)
    assert [series(channel, "y")[0], series(channel, "hot")[0]] == pytest.approx(expected.tolist(), rel=1e-4)


def test_early_stopping_keeps_the_epoch_whose_validation_loss_is_lowest(tmp_path):
    validation = rows(300, seed=1)

    model, found, losses, channel = trained(
        tmp_path, rows(40, seed=0), validation, width=64, epochs=500, patience=7, learning_rate=0.005, batch_size=16
    )

    history = series(channel, None)
    best = int(np.argmin(history))
    assert 0 < best < len(history) - 1
    assert len(history) == found.state.epoch == best + 1 + 7
    assert (found.state.best_epoch, found.state.best_loss) == (best + 1, pytest.approx(history[best]))
    model.load_state_dict(found.best)
    with torch.no_grad():
        outputs = model(validation.numeric, validation.category, validation.group)
    assert float(losses(outputs, validation.labels).sum()) == pytest.approx(history[best])
