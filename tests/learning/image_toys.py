"""A small model over images beside a number, with random weights."""

import numpy as np
import pyarrow as pa
import torch

from learning.encoding.encoding import fit
from learning.header import Input, ModelHeader, Output
from learning.model import TrainedModel
from learning.multitask.sharing.hard import Hard
from learning.networks.conv4 import Conv4
from tests.learning.canonical import packed

NETWORK = Conv4(filters=3)
IMAGE = Input(name="image", type="image", height=16, width=18, channels=1)


def pictures(count=12, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 18, 1)).astype(np.uint8)


def header(**change) -> ModelHeader:
    rows = pa.table({"image": packed(pictures()), "age": np.arange(12.0)})
    types = {"image": "image", "age": "number"}
    encoding = fit(rows, types, train=np.ones(12, bool), images={"image": (1, 16, 18)})
    parts = {
        "name": None,
        "inputs": (IMAGE, Input(name="age", type="number")),
        "feature_sets": (("image", "age"), ("age",)),
        "groups": 1,
        "slots": (("regression", 1), ("regression", 1)),
        "outputs": (
            Output(name="y", target="y", type="regression", slot=0, group=0),
            Output(name="blind", target="blind", type="regression", slot=1, group=0, features=1),
        ),
        "tasks": (("y", 0), ("blind", 1)),
        "network": NETWORK.model_dump(mode="json"),
        "sharing": {"name": "hard"},
        "balancing": {"name": "static"},
        "encoding": encoding,
    }
    return ModelHeader(**{**parts, **change})


def trained(told: ModelHeader) -> TrainedModel:
    torch.manual_seed(0)
    return TrainedModel.of(Hard().build(NETWORK, told.encoding.inputs, told.layout), told)
