"""Small jobs for the baselines: tasks whose rows lie one after the other in common encoded features."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch

from learning.encoding import Encoded
from learning.networks.base import InputShape
from learning.networks.mlp import Mlp
from learning.specs import TrainingSpec
from learning.tasks import Loss
from worker.training.baselines.single_task import Alone
from worker.training.task_data import Part, TaskData

LOSSES: Mapping[str, Loss] = {"regression": "mse", "binary": "log_loss", "multiclass": "log_loss"}


def job(sizes, *, kind="regression", features=3, cardinalities=(), seed=0, loss=None, pool=0, classes=3):
    """Encoded features and one task per size, 60 % train, 20 % validation, 20 % test; labels depend on the features."""
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    numeric = rng.normal(size=(n, features)).astype(np.float32)
    category = np.stack([rng.integers(0, k, n) for k in cardinalities], 1) if cardinalities else np.zeros((n, 0), int)
    shift = np.repeat(rng.normal(size=len(sizes)), sizes)
    signal = numeric[:, 0] - 2 * numeric[:, 1] + shift + 0.3 * rng.normal(size=n)
    if category.shape[1]:
        signal = signal + category[:, 0]
    if kind == "binary":
        signal = (signal > 0).astype(float)
    elif kind == "multiclass":
        signal = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1])).astype(float)
    tasks = []
    for index, (start, end) in enumerate(pairwise(np.cumsum([0, *sizes]))):
        cuts = [start, start + round(0.6 * (end - start)), start + round(0.8 * (end - start)), end]
        train, validation, test = (Part(np.arange(a, b), signal[a:b]) for a, b in pairwise(cuts))
        units = classes if kind == "multiclass" else 1
        tasks.append(
            TaskData(
                f"task {index}", kind, loss or LOSSES[kind], units, train, validation, test, pool=pool, category=index
            )
        )
    return Encoded(numeric, category.astype(np.int64)), tasks


def alone(encoded, *, repeats=1, seed=0, stop=lambda: False, progress=lambda fraction: None, network=None, **training):
    """How to train alone: a small network without dropout, eight epochs."""
    cardinalities = tuple(int(column.max()) + 1 for column in encoded.category.T)
    return Alone(
        network=network or Mlp(widths=(8,), dropout=0.0),
        inputs=InputShape(encoded.numeric.shape[1], cardinalities),
        training=TrainingSpec(**{"epochs": 8, "batch_size": 16, "learning_rate": 0.01, **training}),
        seed=seed,
        repeats=repeats,
        device=torch.device("cpu"),
        stop=stop,
        progress=progress,
    )
