"""Meta-models of images: whose statistics normalise, in adaptation and in serving alike."""

import numpy as np
import pyarrow as pa
import pytest
import torch

from learning.adapting import adapter_of, merge
from learning.encoding.encoding import fit
from learning.header import input_of
from learning.learner import built, learner_of, method_of
from learning.meta.base import Rows, answers
from learning.meta_header import MetaHeader
from learning.model import MetaModel
from learning.networks.conv4 import Conv4
from learning.predictor import Predictor
from learning.registry import registry
from tests.learning.adapting.models import one, told

SIDE = 16


def pictures(count, *, seed):
    draw = np.random.default_rng(seed)
    found = draw.integers(0, 256, (count, SIDE, SIDE, 1)).astype(np.uint8)
    found[count // 2 :, : SIDE // 2] //= 4  # the second half is dark above
    return found


def meta(method, normalisation):
    images = pictures(20, seed=0)
    cells = pa.array([image.tobytes() for image in images], pa.binary(SIDE * SIDE))
    encoding = fit(pa.table({"image": cells}), {"image": "image"}, train=np.ones(20, bool), images={"image": (1, SIDE, SIDE)})  # fmt: skip
    header = MetaHeader(
        name=None,
        inputs=tuple(input_of(column) for column in encoding.columns),
        target="y",
        type="binary",
        episodes=True,
        ways=2,
        shots=4,
        queries=4,
        network=Conv4(filters=4).model_dump(mode="json"),
        method=registry().spec("meta", method)().model_dump(mode="json"),
        normalisation=normalisation,
        encoding=encoding,
    )
    torch.manual_seed(1)
    return MetaModel.of(built(header), header)


@pytest.mark.parametrize("normalisation", ["inductive", "transductive"])
@pytest.mark.parametrize("method", ["protonet", "maml"])
def test_the_served_child_normalises_as_the_method_does(method, normalisation):
    model = meta(method, normalisation)
    support, query = pictures(8, seed=1), pictures(6, seed=2)
    found = one(adapter_of(model), {"image": list(support), "y": ["a"] * 4 + ["b"] * 4}, query={"image": list(query)})
    learner = learner_of(model)

    def rows(images, labels):
        cells = pa.array([image.tobytes() for image in images], pa.binary(SIDE * SIDE))
        numeric = model.header.encoding.encode(pa.table({"image": cells})).numeric
        empty = torch.zeros((1, len(images), 0), dtype=torch.long)
        return Rows(torch.from_numpy(numeric)[None], empty, torch.tensor([labels]))

    adapted = method_of(model.header).adapt(learner, rows(support, [0] * 4 + [1] * 4), ways=2)
    raw = answers(learner, adapted, rows(query, [0] * 6))[0, :, :2]
    expected = torch.softmax(raw.double(), dim=1).numpy()
    np.testing.assert_allclose(told(found.predictions).probabilities, expected, atol=1e-4)
    served = told(Predictor(merge(model, found.delta)).predict({"image": list(query)}))
    np.testing.assert_allclose(served.probabilities, expected, atol=1e-4)
    alone = told(Predictor(merge(model, found.delta)).predict({"image": [query[0]]}))
    together = np.abs(alone.probabilities[0] - expected[0]).max() < 1e-4
    assert bool(together) is (normalisation == "inductive")
