"""A model file from elsewhere is taken when it is one that could have been made here, and refused with a reason else."""

import json
import re
import struct
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from learning.admission import admit
from learning.model import METADATA_KEY, ModelFileInvalid, TrainedModel
from learning.predictor import Predictor
from learning.registry import registry
from tests.learning import image_toys
from tests.learning.toys import grouped_header, listed_header, table, trained


@pytest.fixture(scope="module")
def model():
    return trained(listed_header())


def written(path, model, *, header=None, **tensors):
    """The model's file, with ``header`` parts and tensors replaced; a tensor that is None is left out."""
    told = model.header.model_dump(mode="json") | (header or {})
    held = {name: tensor for name, tensor in {**model.tensors, **tensors}.items() if tensor is not None}
    save_file(held, path, metadata={METADATA_KEY: json.dumps(told)})
    return path


def refused(path):
    with pytest.raises(ModelFileInvalid) as caught:
        admit(path)
    return caught.value.detail


@pytest.mark.parametrize("header", [listed_header(), grouped_header()], ids=["listed", "grouped"])
def test_a_sound_model_is_admitted_with_its_header(header, tmp_path):
    trained(header).save(tmp_path / "m")
    assert admit(tmp_path / "m").model_dump() == header.model_dump()


def reads_tables(network: Any) -> bool:
    return network().misfit(grouped_header().encoding.inputs) is None


OF_TABLES = [network for network in registry().families["network"].values() if reads_tables(network)]


@pytest.mark.parametrize("sharing", registry().families["sharing"].values(), ids=lambda spec: spec.__name__)
@pytest.mark.parametrize("network", OF_TABLES, ids=lambda spec: spec.__name__)
def test_every_network_and_every_sharing_is_admitted(network, sharing, tmp_path):
    specs = {"network": network().model_dump(mode="json"), "sharing": sharing().model_dump(mode="json")}
    header = grouped_header().model_copy(update=specs)
    inputs = header.encoding.inputs
    TrainedModel.of(sharing().build(network(), inputs, header.layout), header).save(tmp_path / "m")
    assert admit(tmp_path / "m").public() == header.public()


def test_a_model_of_images_is_admitted(tmp_path):
    image_toys.trained(image_toys.header()).save(tmp_path / "m")
    assert admit(tmp_path / "m") == image_toys.header()


@pytest.mark.parametrize(
    ("change", "tensors", "reason"),
    [
        ({}, {"trunk.image": np.array([1, 18, 17], np.float32)}, "pixels first|fit the header"),
        ({}, {"trunk.image": np.array([3, 16, 18], np.float32)}, "expected an image"),
        ({}, {"trunk.image": np.array([np.nan] * 3, np.float32)}, "finite"),
        ({}, {"trunk.blocks.0.normalisation.running_var": None}, "running_var"),
        ({"sharing": {"name": "soft", "strength": 1.0}}, {}, "conv4"),
    ],
)
def test_a_model_of_images_that_does_not_fit_together_is_refused(change, tensors, reason, tmp_path):
    model = image_toys.trained(image_toys.header())
    assert re.search(reason, refused(written(tmp_path / "m", model, header=change, **tensors)))


def test_a_network_of_images_without_images_is_refused(model, tmp_path):
    assert "found none" in refused(written(tmp_path / "m", model, header={"network": {"name": "conv4"}}))


def test_the_methods_are_written_as_this_version_writes_them(model, tmp_path):
    found = admit(written(tmp_path / "m", model, header={"network": {"name": "mlp", "widths": [8, 6]}}))
    assert found.network == {"name": "mlp", "widths": [8, 6], "dropout": 0.1}


HEADERS = {
    "method": ({"network": {"name": "perceiver"}}, "expected a network among"),
    "no method": ({"network": {}}, "expected a network among"),
    "odd method": ({"sharing": {"name": ["hard"]}}, "expected a sharing among"),
    "parameter": ({"network": {"name": "mlp", "widths": [8, 6], "dropout": 2}}, "found at network.dropout"),
    "further parameter": ({"balancing": {"name": "static", "code": "import os"}}, "found at balancing.code: Extra inputs"),
    "other network": ({"network": {"name": "mlp", "widths": [8, 7]}}, "weights|shape"),
    "huge network": ({"network": {"name": "mlp", "widths": [4096] * 8}}, r"expected the \d+ weights of the network"),
    "many heads": ({"groups": 10**9}, r"expected the \d+ weights of the network"),
    "no task": ({"tasks": []}, "found at tasks: Tuple should have at least 1 item"),
    "negative task": ({"tasks": [["price", -1]]}, "a task without output"),
    "one name": ({"tasks": [["price", 0], ["price", 1]]}, "two of one name"),
    "long name": ({"tasks": [["x" * 1001, 0]]}, "at most 1000 bytes, found 1001"),
    "NUL in the job": ({"job": {"tasks": [{"dataset": "ds_\0"}]}}, "text without NUL"),
    "no units": ({"slots": [["regression", 1], ["binary", 1], ["multiclass", 3], ["binary", 0]]}, "a slot without units"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_cannot_be_served_is_refused(change, reason, model, tmp_path):
    detail = refused(written(tmp_path / "m", model, header=change))
    assert "expected" in detail
    assert re.search(reason, detail), detail


def outputs(model, **change):
    first, *others = model.header.model_dump(mode="json")["outputs"]
    return {"outputs": [{**first, **change}, *others]}


@pytest.mark.parametrize(
    "change",
    [{"classes": ["a", "b"]}, {"mean": 1e300}, {"deviation": 1e300}, {"deviation": 0.0}],
    ids=["classes", "mean", "deviation", "no deviation"],
)
def test_a_regression_has_no_classes_and_a_scale_that_data_can_have(change, model, tmp_path):
    assert "expected the header of a model" in refused(written(tmp_path / "m", model, header=outputs(model, **change)))


def test_no_text_has_a_nul_and_one_may_tell_of_it(model, tmp_path):
    assert "text without NUL" in refused(written(tmp_path / "m", model, header=outputs(model, name="price\0")))
    told = outputs(model, name="price\\u0000")
    found = admit(written(tmp_path / "m", model, header=told)).model_dump()
    assert found["outputs"][0]["name"] == "price\\u0000"


def test_a_column_has_one_type_and_one_place(model, tmp_path):
    inputs = model.header.model_dump(mode="json")["inputs"]
    other = [{"name": "age", "type": "text", "values": None}, *inputs[1:]]
    assert "another type" in refused(written(tmp_path / "m", model, header={"inputs": other}))
    assert "two columns" in refused(written(tmp_path / "m", model, header={"inputs": [*inputs, inputs[0]]}))


def test_exactly_the_weights_of_the_network_are_taken(model, tmp_path):
    foreign = written(tmp_path / "m", model, passenger=np.zeros(3, np.float32))
    assert "expected no tensor for 'passenger'" in refused(foreign)
    flat = model.tensors["heads.weight"].reshape(-1)
    assert "'heads.weight' by the network in the header" in refused(
        written(tmp_path / "m", model, **{"heads.weight": flat})
    )
    assert "expected the" in refused(written(tmp_path / "m", model, **{"heads.bias": None}))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused(value, model, tmp_path):
    bias = model.tensors["heads.bias"].copy()
    bias[0, 0] = value
    detail = refused(written(tmp_path / "m", model, **{"heads.bias": bias}))
    assert detail == "expected finite weights, found NaN or infinity in 'heads.bias'"


def test_weights_that_overflow_are_those_of_a_model_of_our_own(model, tmp_path):
    large = {name: np.full_like(tensor, 3e38) for name, tensor in model.tensors.items()}
    assert admit(written(tmp_path / "m", model, **large)).public() == model.header.public()


@pytest.mark.parametrize("length", [2, 2**27, 2**40, 2**63])
def test_a_length_that_no_header_has_is_refused_unread(length, model, tmp_path):
    content = written(tmp_path / "m", model).read_bytes()
    (tmp_path / "m").write_bytes(struct.pack("<Q", length) + content[8:])
    assert "expected" in refused(tmp_path / "m")


def test_what_is_admitted_predicts_as_before(model, tmp_path):
    model.save(tmp_path / "m")
    admit(tmp_path / "m")
    assert (
        Predictor.load(tmp_path / "m").predict_table(table()).to_json()
        == Predictor(model).predict_table(table()).to_json()
    )
