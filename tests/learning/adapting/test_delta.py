"""A child as what differs from its base: small, and whole again by merging."""

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.numpy import save_file

from learning.adapting import Delta, adapter_of, merge
from learning.encoding.encoding import fit
from learning.header import Input, ModelHeader, Output
from learning.model import ModelFileInvalid, TrainedModel, load_model
from learning.multitask.sharing.hard import Hard
from learning.networks.mlp import Mlp
from learning.predictor import Predictor, predictor_on, trunk_plan
from tests.learning.adapting.models import blobs, grouped, listed, meta, one, support


def one_target():
    model = grouped()
    return model, one(adapter_of(model), support(targets=("demand",)), targets=("demand",)).delta


def one_more_group():
    model = grouped()
    return model, one(adapter_of(model), support(), task_key={"shop": "401"}).delta


def learned(method):
    model = meta({"name": method})
    return model, one(adapter_of(model), blobs(), name="mine").delta


CHILDREN = {
    "one target": one_target,
    "one more group": one_more_group,
    "protonet": lambda: learned("protonet"),
    "maml": lambda: learned("maml"),
}


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_stored_delta_merges_to_the_whole_child_bit_for_bit(kind, tmp_path):
    base, delta = CHILDREN[kind]()
    whole = merge(base, delta)
    whole.save(tmp_path / "whole.safetensors")
    delta.save(tmp_path / "delta.safetensors")
    base.save(tmp_path / "base.safetensors")
    again = merge(load_model(tmp_path / "base.safetensors"), Delta.load(tmp_path / "delta.safetensors"))
    again.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()
    delta.save(tmp_path / "twice.safetensors")
    assert (tmp_path / "twice.safetensors").read_bytes() == (tmp_path / "delta.safetensors").read_bytes()


@pytest.mark.parametrize("kind", CHILDREN)
def test_a_whole_child_is_a_model_as_any_other(kind, tmp_path):
    base, delta = CHILDREN[kind]()
    whole = merge(base, delta)
    whole.save(tmp_path / "model.safetensors")
    loaded = TrainedModel.load(tmp_path / "model.safetensors")
    assert loaded.header == whole.header
    Predictor(loaded)


def wide():
    """Eight numbers, one target, two layers of 128."""
    draw = np.random.default_rng(0)
    names = [f"x{index}" for index in range(8)]
    encoding = fit(pa.table({n: draw.normal(size=50) for n in names}), dict.fromkeys(names, "number"), train=np.ones(50, bool))  # fmt: skip
    network = Mlp(widths=(128, 128), dropout=0.0)
    header = ModelHeader(
        name="wide",
        inputs=tuple(Input(name=name, type="number") for name in names),
        feature_sets=(tuple(names),),
        groups=1,
        slots=(("regression", 1),),
        outputs=(Output(name="y", target="y", type="regression", slot=0, group=0),),
        tasks=(("y", 0),),
        network=network.model_dump(mode="json"),
        sharing=Hard().model_dump(mode="json"),
        balancing={"name": "static"},
        encoding=encoding,
    )
    torch.manual_seed(0)
    return TrainedModel.of(Hard().build(network, encoding.inputs, header.layout), header)


def test_a_child_takes_a_kilobyte_and_its_head(tmp_path):
    model = wide()
    draw = np.random.default_rng(1)
    columns = {name: draw.normal(size=30).tolist() for name in model.header.feature_sets[0]} | {"y": list(range(30))}
    delta = one(adapter_of(model), columns).delta
    delta.save(tmp_path / "delta")
    head = 4 * (128 + 1)
    assert (tmp_path / "delta").stat().st_size <= 1024 + head
    assert delta.nbytes == head + 4


def test_a_warm_child_counts_its_head_only():
    model = wide()
    draw = np.random.default_rng(1)
    columns = {name: draw.normal(size=30).tolist() for name in model.header.feature_sets[0]} | {"y": list(range(30))}
    delta = one(adapter_of(model), columns).delta
    warm = predictor_on(trunk_plan(model), merge(model, delta))
    assert warm.nbytes <= 4 * 4 * 129
    assert Predictor(model).nbytes > 50 * warm.nbytes


def test_a_delta_on_another_model_is_refused():
    base = grouped()
    single = one(adapter_of(base), support(targets=("demand",)), targets=("demand",)).delta
    group = one(adapter_of(base), support(), task_key={"shop": "401"}).delta
    moved = one(adapter_of(meta({"name": "maml"})), blobs()).delta
    for wrong in (group, moved):
        with pytest.raises(ModelFileInvalid):
            merge(listed(), wrong)
    with pytest.raises(ModelFileInvalid):
        merge(meta({"name": "protonet"}), group)
    far = Delta(single.header.model_copy(update={"features": 7}), single.tensors)
    with pytest.raises(ModelFileInvalid):
        merge(base, far)


@pytest.mark.parametrize(
    ("header", "tensors"),
    [
        ({"adapted": {}}, {"heads.weight": np.zeros(1, np.float32)}),  # without the rest of a head
        ({"adapted": {}, "more": 1}, None),
        ({}, None),
        ({"adapted": {}}, {"other": np.zeros(1, np.float32)}),
        ({"adapted": {}}, {"trunk.w": np.zeros(1, np.float64)}),
    ],
)
def test_a_file_that_is_no_delta_is_refused(header, tensors, tmp_path):
    heads = {f"heads.{part}": np.zeros(1, np.float32) for part in ("weight", "bias", "rows")}
    own = heads | (tensors or {}) if tensors is None or "heads.weight" not in tensors else tensors
    save_file(own, tmp_path / "delta", metadata={"taskgraft_delta": json.dumps(header)})
    with pytest.raises(ModelFileInvalid):
        Delta.load(tmp_path / "delta")
    (tmp_path / "noise").write_bytes(b"\0" * 100)
    with pytest.raises(ModelFileInvalid):
        Delta.load(tmp_path / "noise")
