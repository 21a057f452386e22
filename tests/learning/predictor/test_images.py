"""A predictor over images: JSON arrays and table cells are one, and what is no such image is told."""

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from learning.errors import InputError
from learning.header import Input
from learning.predictor import Predictor, predictor
from tests.learning.canonical import packed
from tests.learning.image_toys import header, pictures, trained


@pytest.fixture(scope="module")
def ready(tmp_path_factory) -> Predictor:
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    trained(header()).save(path)
    return Predictor.load(path)


def test_arrays_and_table_cells_are_answered_alike(ready):
    images = pictures(seed=3)
    by_values = ready.predict({"image": [*images], "age": [1.0] * 12}).by_task
    by_table = ready.predict_table(pa.table({"image": packed(images), "age": [1.0] * 12})).by_task
    np.testing.assert_array_equal(by_values["y"].output, by_table["y"].output)
    assert len(set(by_values["y"].output.tolist())) == 12


def test_a_task_without_the_image_does_not_ask_for_it(ready):
    assert ready.reads(["blind"]) == {"age"}
    assert len(ready.predict({"age": [1.0, 2.0]}, tasks=["blind"]).by_task["blind"].output) == 2


def test_null_is_not_offered_for_an_image(ready):
    with pytest.raises(InputError) as refusal:
        ready.predict({}, pointer_style="rows")
    age, image = refusal.value.problems
    assert (age.pointer, image.pointer) == ("/rows/0/age", "/rows/0/image")
    assert "null" in age.detail
    assert "null" not in image.detail


def test_a_long_table_is_answered_in_pieces(ready, monkeypatch):
    table = pa.table({"image": packed(pictures()), "age": [1.0] * 12})
    whole = ready.predict_table(table).by_task["y"].output
    monkeypatch.setattr(predictor, "CHUNK_NUMBERS", 300 * 5)
    np.testing.assert_allclose(ready.predict_table(table).by_task["y"].output, whole, rtol=1e-5)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "AAAA",
        7,
        {"base64": "AAAA"},
        pictures(1)[0].astype(float),
        pictures(1)[0][:, :17],
        pictures(1)[0][..., 0],
    ],
)
@pytest.mark.parametrize(("style", "pointer"), [("rows", "/rows/2/image"), ("columns", "/columns/image/2")])
def test_what_is_no_such_image_is_pointed_at(ready, odd, style, pointer):
    images = [*pictures(2), odd]
    with pytest.raises(InputError) as caught:
        ready.predict({"image": images, "age": [1.0] * 3}, pointer_style=style)
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == (pointer, "invalid-image")
    assert "image of 16 × 18 × 1" in problem.detail


@pytest.mark.parametrize("cells", [pa.nulls(2), pa.array([b"a" * 12] * 2, pa.binary(12)), pa.array(["a", "b"])])
def test_a_table_of_other_cells_is_refused(ready, cells):
    with pytest.raises(InputError, match=r"image of 16 × 18 × 1"):
        ready.predict_table(pa.table({"image": cells, "age": [1.0, 2.0]}))


@pytest.mark.parametrize(
    "image",
    [
        Input(name="image", type="image"),
        Input(name="image", type="image", height=18, width=16, channels=1),
        Input(name="image", type="number"),
        Input(name="image", type="number", height=16, width=18, channels=1),
    ],
)
def test_a_header_whose_image_does_not_fit_its_encoding_is_refused(image):
    with pytest.raises(ValidationError, match="fit together"):
        header(inputs=(image, Input(name="age", type="number")))


def test_a_header_shows_the_size_of_its_images():
    told = header().public()["inputs"]
    assert told == [
        {"name": "image", "type": "image", "height": 16, "width": 18, "channels": 1},
        {"name": "age", "type": "number"},
    ]
