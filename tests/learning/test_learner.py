"""A stored meta-model as a learner, and what a file from elsewhere must be to be admitted as one."""

from typing import Any

import numpy as np
import pytest
import torch

from learning.admission import admit
from learning.encoding import fit
from learning.header import input_of
from learning.learner import begin, built, learner_of
from learning.meta_header import MetaHeader
from learning.model import MetaModel, ModelFileInvalid
from learning.registry import registry
from tests.learning.toys import TYPES, table

METHODS = registry().names("meta")


def header(method="maml", **fields):
    rows = table()
    encoding = fit(rows, TYPES, train=np.ones(rows.num_rows, bool))
    told: dict[str, Any] = {
        "name": "toy",
        "inputs": tuple(input_of(column) for column in encoding.columns),
        "target": "kind",
        "type": "multiclass",
        "episodes": True,
        "ways": 3,
        "shots": 1,
        "queries": 2,
        "network": {"name": "mlp", "widths": (6, 5), "dropout": 0.0},
        "method": {"name": method},
        "encoding": encoding,
    }
    return MetaHeader(**told | fields)


def model(method="maml", **fields):
    told = header(method, **fields)
    torch.manual_seed(0)
    return MetaModel.of(built(told), told)


@pytest.mark.parametrize("method", METHODS)
def test_a_stored_learner_is_the_one_that_was_stored(method, tmp_path):
    stored = model(method)
    state = torch.random.get_rng_state()
    learner = learner_of(stored)
    assert not learner.training
    assert torch.equal(torch.random.get_rng_state(), state)
    again = MetaModel.of(learner, stored.header)
    assert all((again.tensors[name] == tensor).all() for name, tensor in stored.tensors.items())


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_meta_model_is_admitted_with_its_methods_written_out(method, tmp_path):
    path = tmp_path / "model.safetensors"
    model(method).save(path)
    found = admit(path)
    assert found.kind == "meta"
    assert found.method == registry().spec("meta", method)().model_dump(mode="json")


def changed(stored, **tensors):
    kept = {name: tensor for name, tensor in {**stored.tensors, **tensors}.items() if tensor is not None}
    return MetaModel(stored.header, kept)


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: changed(model(), **{"head.bias": None}), "weights of the network"),
        (lambda: changed(model(), **{"head.bias": np.zeros(4, np.float32)}), "head.bias"),
        (lambda: changed(model("protonet"), **{"head.bias": np.zeros(3, np.float32)}), "head.bias"),
        (lambda: changed(model(), **{"head.bias": np.full(3, np.nan, np.float32)}), "finite"),
        (lambda: MetaModel(header(method="unheard"), model().tensors), "expected a meta among"),
        (lambda: MetaModel(header(ways=10**9), model().tensors), "weights of the network"),
        (lambda: MetaModel(header("protonet", type="regression", ways=1), model("protonet").tensors), "a number"),
        (lambda: MetaModel(header(target="a\0b"), model().tensors), "NUL"),
    ],
)
def test_what_is_no_sound_meta_model_is_refused(make, word, tmp_path):
    path = tmp_path / "model.safetensors"
    make().save(path)
    with pytest.raises(ModelFileInvalid, match=word):
        admit(path)


def test_a_learner_begins_at_a_trunk_and_at_a_head_where_that_goes_on():
    stored = model()
    torch.manual_seed(1)
    fresh = built(stored.header)
    assert fresh.head is not None
    head = fresh.head.weight.detach().clone()
    begin(fresh, stored.tensors, head=False)
    assert torch.equal(fresh.head.weight, head)
    assert (fresh.trunk.state_dict()["layers.0.weight"].numpy() == stored.tensors["trunk.layers.0.weight"]).all()
    begin(fresh, stored.tensors, head=True)
    assert (fresh.head.weight.detach().numpy() == stored.tensors["head.weight"]).all()
    with pytest.raises(ModelFileInvalid, match="trunk"):
        begin(fresh, {"trunk.other": np.zeros(1, np.float32)}, head=False)
