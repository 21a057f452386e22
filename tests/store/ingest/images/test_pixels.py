"""One image as an array: which files are taken, and what becomes of every mode."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image

from store.ingest import IngestError, decode_image
from store.ingest.images.header import BadImage, read_header
from store.ingest.images.pixels import encode_png, open_image
from tests.store.ingest.images.picture import encoded, huge_png, noise, picture, png

GREY, COLOUR = noise(6, 5), noise(6, 5, 3)
MOST = 1_000_000


def decoded(data: bytes, *, height: int = 6, width: int = 5, channels: int = 1) -> np.ndarray:
    return decode_image(data, height=height, width=width, channels=channels)


def refused(data: bytes) -> BadImage:
    with pytest.raises(BadImage) as refusal:
        open_image(data, most_pixels=MOST).pixels(height=6, width=5, channels=1)
    return refusal.value


@pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True})])
def test_what_was_stored_without_loss_comes_back(form, options):
    data = encoded(picture(COLOUR), form, **options)
    assert (decoded(data, channels=3) == COLOUR).all()


def test_a_jpeg_comes_back_nearly():
    smooth = np.broadcast_to(np.linspace(0, 255, 16).astype(np.uint8)[:, None, None], (16, 16, 3))
    found = decoded(encoded(picture(smooth.copy()), "JPEG", quality=95), height=16, width=16, channels=3)
    assert np.abs(found.astype(int) - smooth).max() <= 4


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_shown_of_a_dataset_can_be_sent_back(channels):
    pixels = noise(6, 5, channels)
    assert (decoded(encode_png(pixels), channels=channels) == pixels).all()


def grey_palette() -> Image.Image:
    return picture(GREY).convert("P")


def deep() -> Image.Image:
    return Image.fromarray(GREY[:, :, 0].astype(np.uint16) * 256 + 99)


MODES = {
    "1": (picture(GREY).convert("1"), True),
    "L": (picture(GREY), True),
    "LA": (picture(GREY).convert("LA"), True),
    "I;16": (deep(), True),
    "P of greys": (grey_palette(), True),
    "P": (picture(COLOUR).quantize(16), False),
    "RGB": (picture(COLOUR), False),
    "RGBA": (picture(COLOUR).convert("RGBA"), False),
}


@pytest.mark.parametrize(("image", "grey"), MODES.values(), ids=MODES.keys())
def test_a_file_says_whether_it_is_grey_and_both_kinds_become_either(image, grey):
    data = encoded(image)
    assert open_image(data, most_pixels=MOST).grey is grey
    shown = np.asarray(image.convert("RGB")) if image.mode != "I;16" else np.repeat(GREY, 3, axis=2)
    assert (decoded(data, channels=3) == shown).all()
    luma = np.asarray(picture(shown.copy()).convert("L"))[:, :, None]
    assert (decoded(data, channels=1) == (shown[:, :, :1] if grey else luma)).all()


def test_a_cmyk_jpeg_becomes_colour():
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    red = decoded(data, height=16, width=16, channels=3)[8, 8]
    assert red[0] > 245
    assert red[1:].max() < 10


def test_a_transparent_pixel_is_white_and_half_of_it_is_half():
    alpha = np.full((6, 5), 255, dtype=np.uint8)
    alpha[0, 0], alpha[0, 1] = 0, 128
    clear = picture(COLOUR).convert("RGBA")
    clear.putalpha(Image.fromarray(alpha))
    found = decoded(encoded(clear), channels=3)
    assert (found[0, 0] == 255).all()
    expected = (COLOUR[0, 1].astype(float) * 128 + 255 * 127) / 255
    assert np.abs(found[0, 1] - expected).max() <= 1
    assert (found[1:] == COLOUR[1:]).all()


@pytest.mark.parametrize("image", [picture(GREY), grey_palette()], ids=["L", "P"])
def test_a_colour_that_a_png_names_transparent_is_white(image):
    data = encoded(image, transparency=int(np.asarray(image)[2, 2]))
    found = decoded(data)
    assert found[2, 2, 0] == 255
    assert open_image(data, most_pixels=MOST).grey


def test_a_transparent_sixteen_bit_grey_is_white():
    data = encoded(deep(), transparency=int(GREY[2, 2, 0]) * 256 + 99)
    assert decoded(data)[2, 2, 0] == 255


TURNED = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.transpose(1, 0, 2),
          6: np.rot90(GREY, -1), 7: GREY[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(GREY)}  # fmt: skip


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("orientation", TURNED)
def test_an_exif_orientation_is_applied(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(GREY), form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    expected = TURNED[orientation]
    opened = open_image(data, most_pixels=MOST)
    assert (opened.height, opened.width) == expected.shape[:2]
    assert (opened.pixels(height=opened.height, width=opened.width, channels=1) == expected).all()


def test_an_exif_orientation_turns_a_jpeg():
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = open_image(encoded(picture(GREY), "JPEG", exif=exif), most_pixels=MOST)
    assert (opened.height, opened.width) == (5, 6)


def test_exif_that_cannot_be_read_leaves_the_picture_upright():
    data = encoded(picture(GREY), exif=b"Exif\0\0nonsense")
    assert (decoded(data) == GREY).all()


@pytest.mark.parametrize("broken", [b"\xff\xff" + b"\x12\x01" * 30, b"\1\0\x1a\1\5\0\1\0\0\0\xff\0\0\0" + bytes(4)])
def test_nothing_is_said_of_broken_exif_in_a_jpeg(broken):
    # A directory of more tags than there are bytes, and a resolution that lies behind the end: warnings are errors here.
    data = encoded(picture(GREY), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + broken)
    assert decoded(data).shape == (6, 5, 1)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_text_and_profiles_of_a_png_are_not_unpacked(kind):
    data = png()
    # Ten times what Pillow would unpack before it gives up.
    bomb = chunk(kind, b"name\0\0" + zlib.compress(bytes(10 * 2**20)))
    assert (decoded(data[:33] + bomb + data[33:]) == decoded(data)).all()


def test_a_jpeg_keeps_its_colours_without_what_stands_aside():
    exif = Image.Exif()
    exif[0x010E] = "a word"
    for mode in ("RGB", "CMYK"):
        plain = picture(COLOUR).convert(mode)
        rich = encoded(plain, "JPEG", exif=exif, icc_profile=b"x" * 500, comment=b"a comment")
        assert b"a word" not in read_header(rich).bare(rich)
        assert (decoded(rich, channels=3) == decoded(encoded(plain, "JPEG"), channels=3)).all()


def test_a_jpeg_of_endless_scans_is_refused_before_it_is_decoded():
    data = encoded(picture(GREY), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert decoded(data[:-2] + 20 * scan + data[-2:]).shape == GREY.shape
    error = refused(data[:-2] + 80 * scan + data[-2:])
    assert (error.code, "64 scans" in error.detail) == ("image-corrupt", True)


def test_another_size_is_reached_side_by_side():
    flat = np.concatenate([np.zeros((8, 4, 1), np.uint8), np.full((8, 4, 1), 200, np.uint8)], axis=1)
    found = decoded(encoded(picture(flat)), height=2, width=2)
    assert found.shape == (2, 2, 1)
    assert found[0, 0, 0] < 30
    assert found[0, 1, 0] > 170


def animated(form: str) -> bytes:
    frames = [picture(noise(6, 5, 3, seed=seed)) for seed in range(3)]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:])


BAD = {
    "GIF": (encoded(picture(GREY), "GIF"), "image-format-not-allowed"),
    "TIFF": (encoded(picture(GREY), "TIFF"), "image-format-not-allowed"),
    "EPS": (encoded(picture(GREY), "EPS"), "image-format-not-allowed"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image-format-not-allowed"),
    "nothing": (b"", "image-format-not-allowed"),
    "APNG": (animated("PNG"), "image-format-not-allowed"),
    "animated WebP": (animated("WEBP"), "image-format-not-allowed"),
    "PNG and zip": (png() + b"PK\3\4", "image-format-not-allowed"),
    "JPEG and script": (encoded(picture(GREY), "JPEG") + b"<script>", "image-format-not-allowed"),
    "WebP and script": (encoded(picture(GREY), "WEBP") + b"<script>", "image-format-not-allowed"),
    "BMP and script": (encoded(picture(GREY), "BMP") + b"<script>", "image-format-not-allowed"),
    "cut PNG": (png()[:-20], "image-corrupt"),
    "cut JPEG": (encoded(picture(noise(64, 64)), "JPEG")[:-200], "image-corrupt"),
    "cut BMP": (encoded(picture(GREY), "BMP")[:-9], "image-corrupt"),
    "cut WebP": (encoded(picture(GREY), "WEBP")[:-9], "image-corrupt"),
    "checksum": (png().replace(b"IDAT", b"IDBT"), "image-corrupt"),
    "signature only": (png()[:8], "image-corrupt"),
    "huge": (huge_png(), "image-too-large"),
    "one pixel": (png(1, 1), "image-too-small"),
    "a line": (png(3, 100), "image-too-small"),
}


@pytest.mark.parametrize(("data", "code"), BAD.values(), ids=BAD.keys())
def test_what_is_no_image_of_ours_is_refused(data, code):
    assert refused(data).code == code


def test_a_jpeg_may_have_further_views_behind_it():
    view = encoded(picture(GREY), "JPEG")
    assert (decoded(view + view) == decoded(view)).all()
    assert (decoded(view + bytes(20)) == decoded(view)).all()


@pytest.mark.parametrize(
    ("data", "code"), [(BAD["GIF"][0], "invalid-image"), (BAD["cut PNG"][0], "invalid-image"),
                       (BAD["one pixel"][0], "invalid-image"), (huge_png(), "image-too-large")]
)  # fmt: skip
def test_an_image_in_a_row_is_refused_in_two_words(data, code):
    with pytest.raises(IngestError) as refusal:
        decoded(data)
    assert (refusal.value.status, refusal.value.problems[0]["code"]) == (422, code)


SOUND = [
    png(channels=3), encoded(grey_palette()), encoded(picture(noise(16, 16, 3)), "JPEG"), encoded(picture(COLOUR), "BMP"),
    encoded(picture(COLOUR), "WEBP"), encoded(picture(COLOUR), "WEBP", lossless=True),
]  # fmt: skip


@given(
    which=some.sampled_from(SOUND), place=some.integers(0, 10_000), mask=some.integers(1, 255), size=some.integers(1, 6)
)
@settings(max_examples=400, deadline=None)
def test_an_image_with_any_bytes_changed_is_refused_or_is_an_image(which, place, mask, size):
    data = bytearray(which)
    for i in range(place % len(data), min(place % len(data) + size, len(data))):
        data[i] ^= mask
    with suppress(IngestError):
        assert decoded(bytes(data)).shape == (6, 5, 1)


@given(data=some.binary(max_size=80), start=some.sampled_from([b"", *(whole[:20] for whole in SOUND)]))
@settings(max_examples=200, deadline=None)
def test_random_bytes_are_no_image(data, start):
    with pytest.raises(IngestError):
        decoded(start + data)
