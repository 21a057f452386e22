"""Images as numbers: channel by channel, standardised by the training rows, the same from a table and from JSON."""

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from learning.encoding import columns, encoding
from learning.encoding.encoding import Encoding, fit
from learning.encoding.pixels import Pixels
from learning.networks.base import InputShape
from tests.learning.canonical import packed

SHAPE = (3, 5, 4)  # channels, height, width


def pictures(count=40, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 5, 4, 3)).astype(np.uint8)


def table(images, **more):
    return pa.table({**more, "image": packed(images)})


def fitted(images, *, train=None, types=None, **more):
    rows = np.ones(len(images), bool) if train is None else train
    kinds = {"image": "image", **(types or {})}
    return fit(table(images, **more), kinds, train=rows, images={"image": SHAPE})


def test_pixels_come_first_channel_by_channel_and_row_by_row():
    images = pictures()
    ages = np.arange(40.0)
    learned = fitted(images, types={"age": "number", "shop": "category"}, age=ages, shop=["a", "b"] * 20)
    encoded = learned.encode(table(images, age=ages, shop=["a", "b"] * 20))
    assert learned.inputs == InputShape(61, (4,), SHAPE)
    planes = encoded.numeric[:, :60].reshape(40, *SHAPE)
    for channel in range(3):
        pixels = images[..., channel].astype(float)
        expected = (pixels - pixels.mean()) / pixels.std()
        np.testing.assert_allclose(planes[:, channel], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(encoded.numeric[:, 60], (ages - ages.mean()) / ages.std(), rtol=1e-6)


def test_mean_and_deviation_are_those_of_the_training_rows_only():
    images = pictures()
    train = np.arange(40) < 25
    other = images.copy()
    other[~train] = 255
    assert fitted(images, train=train) == fitted(other, train=train)
    assert fitted(images, train=train) != fitted(other)


def test_equal_rows_in_another_order_make_the_same_encoding():
    images = pictures()
    assert fitted(images) == fitted(images[::-1])


def test_an_encoding_of_images_survives_json():
    learned = fitted(pictures())
    again = Encoding.model_validate_json(learned.model_dump_json(), strict=True)
    assert again == learned
    np.testing.assert_array_equal(
        again.encode(table(pictures(seed=1))).numeric, learned.encode(table(pictures(seed=1))).numeric
    )


def test_many_images_are_encoded_piece_by_piece_as_at_once(monkeypatch):
    images = pictures()
    learned = fitted(images)
    whole = learned.encode(table(images)).numeric
    monkeypatch.setattr(encoding, "CHUNK_NUMBERS", 60 * 7)
    np.testing.assert_array_equal(learned.encode(table(images)).numeric, whole)


def test_a_sliced_column_in_chunks_is_read_at_its_own_place():
    images = pictures()
    learned = fitted(images)
    whole = learned.encode(table(images)).numeric
    pieces = pa.concat_tables([table(images[:15]).slice(3, 9), table(images[15:]).slice(2)])
    expected = np.concatenate([whole[3:12], whole[17:]])
    np.testing.assert_array_equal(learned.encode(pieces).numeric, expected)


def test_an_image_that_a_source_lacks_is_zero():
    images = pictures()
    learned = fitted(images, types={"age": "number"}, age=np.arange(40.0))
    lacking = np.arange(40) % 2 == 0
    encoded = learned.encode(table(images, age=np.arange(40.0)), absent={"image": lacking})
    assert not encoded.numeric[lacking, :60].any()
    assert encoded.numeric[~lacking, :60].any(axis=1).all()
    assert not learned.encode(pa.table({"age": np.arange(3.0)})).numeric[:, :60].any()


def test_a_channel_that_never_varies_says_nothing():
    images = pictures()
    images[..., 1] = 7
    planes = fitted(images).encode(table(images)).numeric.reshape(40, *SHAPE)
    assert not planes[:, 1].any()
    assert planes[:, 0].any()


def test_images_of_one_colour_are_dropped_and_said_so():
    learned = fitted(np.full((4, 5, 4, 3), 9, np.uint8))
    assert learned.inputs == InputShape(1)
    assert [notice.code for notice in learned.notices] == ["constant-feature"]


def test_an_image_column_without_a_training_row_is_dropped():
    learned = fitted(pictures(4), train=np.zeros(4, bool))
    assert [notice.code for notice in learned.notices] == ["empty-feature"]


@pytest.mark.parametrize(
    "change",
    [
        {"mean": (1.0, 2.0)},
        {"mean": (1.0, 2.0), "scale": (1.0, 2.0)},
        {"scale": (-1.0,)},
        {"mean": (256.0,)},
        {"height": 0},
        {"width": 5000},
        {"height": 1024, "width": 1024},
        {"mean": (float("nan"),)},
    ],
)
def test_a_foreign_header_cannot_ask_for_any_image(change):
    with pytest.raises(ValidationError):
        Pixels(**{"height": 5, "width": 4, "mean": (1.0,), "scale": (1.0,), **change})


def test_pixels_belong_to_images_and_an_encoding_has_one():
    pixels = Pixels(height=5, width=4, mean=(1.0,), scale=(1.0,))
    with pytest.raises(ValidationError, match="pixels of an image"):
        columns.Column(name="a", type="image")
    with pytest.raises(ValidationError, match="pixels of an image"):
        columns.Column(name="a", type="number", pixels=pixels)
    both = [columns.Column(name=name, type="image", pixels=pixels) for name in "ab"]
    with pytest.raises(ValidationError, match="one column of images"):
        Encoding(columns=tuple(both))
