"""The model's file: one safetensors file, equal bytes for equal models, and nothing else is read."""

import json
import struct

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import save_file

from learning.header import ModelHeader
from learning.model import METADATA_KEY, ModelFileInvalid, TrainedModel
from learning.predictor.predictor import Predictor
from tests.learning.toys import grouped_header, json_columns, listed_header, table, trained


@pytest.fixture
def model():
    return trained(listed_header())


def written(path, tensors, header):
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(tensors, path, metadata={METADATA_KEY: text})
    return path


def test_a_model_is_what_it_was_after_its_file(model, tmp_path):
    model.save(tmp_path / "m.safetensors")
    again = TrainedModel.load(tmp_path / "m.safetensors")
    assert again.header == model.header
    assert again.tensors.keys() == model.tensors.keys()
    assert all(np.array_equal(again.tensors[name], tensor) for name, tensor in model.tensors.items())


@pytest.mark.parametrize("header", [listed_header(), grouped_header()], ids=["listed", "grouped"])
def test_the_stored_bytes_predict_as_the_model_does(header, tmp_path):
    model, rows = trained(header), table()
    model.save(tmp_path / "m.safetensors")
    stored, fresh = Predictor.load(tmp_path / "m.safetensors"), Predictor(model)
    group = np.zeros(rows.num_rows, np.int64)
    ours, theirs = (each.predict_table(rows, group=group).to_json() for each in (stored, fresh))
    assert ours == theirs


def test_equal_models_make_equal_bytes_whatever_the_order_of_their_weights(model, tmp_path):
    other = TrainedModel(model.header, dict(reversed(model.tensors.items())))
    for name, each in (("a", model), ("b", other)):
        each.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_file_is_plain_safetensors_with_json_beside_it(model, tmp_path):
    model.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    head = json.loads(content[8 : 8 + length])
    described = json.loads(head["__metadata__"][METADATA_KEY])
    assert described["outputs"][0]["name"] == "price"
    assert head["heads.weight"] == {
        "dtype": "F32",
        "shape": [2, 5, 6],
        "data_offsets": head["heads.weight"]["data_offsets"],
    }


def test_the_header_shows_what_the_service_shows(model):
    shown = model.header.public()
    assert shown["tasks"] == [
        {"name": "price", "type": "regression"},
        {"name": "sold", "type": "binary", "classes": ["no", "yes"]},
        {"name": "kind", "type": "multiclass", "classes": ["a", "b", "c"]},
    ]
    assert shown["inputs"][0] == {"name": "age", "type": "number"}
    assert sorted(shown["inputs"][3]["values"]) == ["east", "north", "south"]
    assert shown["network"]["widths"] == [8, 6]
    assert shown["method"] == {"sharing": {"name": "hard"}, "balancing": {"name": "static"}}
    json.dumps(shown, allow_nan=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00" * 7, b"\xff" * 8, b"\x10" + b"\x00" * 7 + b"{}", b"PK\x03\x04" + b"\x00" * 100, b"a,b\n1,2\n"],
    ids=["empty", "short", "huge header", "truncated", "zip", "csv"],
)
def test_what_is_no_safetensors_file_is_refused(content, tmp_path):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(ModelFileInvalid, match="expected"):
        TrainedModel.load(tmp_path / "m")


def test_a_file_cut_short_is_refused(model, tmp_path):
    model.save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    (tmp_path / "m").write_bytes(content[:-10])
    with pytest.raises(ModelFileInvalid, match="expected a safetensors file"):
        TrainedModel.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"heads.weight": np.zeros(3, np.float64)}, "expected float32 for 'heads.weight', found F64"),
        ({"../../etc/passwd": np.zeros(3, np.float32)}, "expected the name of a parameter"),
        ({f"t{i}": np.zeros(0, np.float32) for i in range(10_001)}, "expected at most 10000 tensors"),
    ],
    ids=["type", "name", "count"],
)
def test_tensors_that_no_model_has_are_refused(tensors, message, tmp_path):
    with pytest.raises(ModelFileInvalid, match=message):
        TrainedModel.load(written(tmp_path / "m", tensors, listed_header().model_dump(mode="json")))


@pytest.mark.parametrize("header", ["", "no json", "{}", "[1]"])
def test_a_file_without_our_header_is_refused(header, model, tmp_path):
    with pytest.raises(ModelFileInvalid, match="expected the header of a model"):
        TrainedModel.load(written(tmp_path / "m", dict(model.tensors), header))


def test_a_weight_that_is_not_float32_is_not_written(model, tmp_path):
    wide = TrainedModel(model.header, {name: tensor.astype(np.float64) for name, tensor in model.tensors.items()})
    with pytest.raises(ModelFileInvalid, match="expected float32"):
        wide.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": 1}, "an output of a slot, group or feature set that is not there"),
        ({"slots": [["regression", 1]]}, "an output of a slot, group or feature set that is not there"),
        ({"slots": [["regression", 1], ["binary", 1], ["multiclass", 4]]}, "an output of a slot"),
        ({"feature_sets": [["age"], ["weight"]]}, "a feature without encoding or input"),
        ({"group_by": ["shop"]}, "not there|no input"),
        ({"tasks": [["price", 3]]}, "a task without output"),
        ({"format": 2}, "Input should be 1"),
        ({"outputs": []}, "at least 1"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_a_header_whose_parts_do_not_fit_together_is_refused(change, message, model, tmp_path):
    header = {**model.header.model_dump(mode="json"), **change}
    with pytest.raises(ValidationError, match=message):
        ModelHeader.model_validate_json(json.dumps(header))
    with pytest.raises(ModelFileInvalid, match="expected the header of a model"):
        TrainedModel.load(written(tmp_path / "m", dict(model.tensors), header))


def without(tensors, name):
    return {key: tensor for key, tensor in tensors.items() if key != name}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: without(tensors, "heads.bias"),
        lambda tensors: without(tensors, "trunk.layers.1.weight"),
        lambda tensors: {**tensors, "heads.weight": tensors["heads.weight"][:1]},
        lambda tensors: {**tensors, "trunk.layers.0.weight": tensors["trunk.layers.0.weight"][:, 1:]},
        lambda tensors: {**tensors, "trunk.embeddings.0.weight": tensors["trunk.embeddings.0.weight"][:-1]},
    ],
    ids=["no bias", "no layer", "a head short", "an input short", "a category short"],
)
def test_weights_that_do_not_fit_the_header_are_refused_when_loaded(spoil, model, tmp_path):
    TrainedModel(model.header, spoil(dict(model.tensors))).save(tmp_path / "m")
    with pytest.raises(ModelFileInvalid, match="expected weights that fit the header"):
        Predictor.load(tmp_path / "m")


def test_a_method_that_this_installation_lacks_is_refused(model, tmp_path):
    header = model.header.model_copy(update={"network": {"name": "perceiver"}})
    TrainedModel(header, model.tensors).save(tmp_path / "m")
    with pytest.raises(ModelFileInvalid, match="expected a network among conv4, linear, mlp"):
        Predictor.load(tmp_path / "m")


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        Predictor.load(tmp_path / "nowhere")


def test_a_predictor_tells_how_much_it_holds(model):
    predictor = Predictor(model)
    stored = sum(tensor.nbytes for tensor in model.tensors.values())
    assert stored <= predictor.nbytes <= 3 * stored
    assert predictor.predict(json_columns(table().drop_columns([]))).by_task.keys() == {"price", "sold", "kind"}
