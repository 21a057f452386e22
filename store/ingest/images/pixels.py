"""Image files as arrays of bytes: one rule for uploads, for rows of predictions, and for what is shown of a dataset.

The rule: the format is told by the content; 16-bit grey keeps its upper byte; transparent pixels lie on white; CMYK and
palettes become RGB; an EXIF orientation is applied; colour profiles are not. An image is grey when its file says so (modes
1, L, LA, I;16, or a palette of greys). Grey becomes colour by three equal channels, colour grey by ITU-R 601-2 luma. Another
size is reached by bilinear interpolation with antialiasing, each side on its own: the proportions are not kept.
"""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from store.ingest.errors import refusal
from store.ingest.images.header import BadImage, read_header
from store.ingest.limits import LEAST_SIDE

ROW_PIXELS = 4_096**2  # of one image in a row of a prediction, before it is resized
# what Pillow raises for bytes that are no image, as its own tests list it
UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error,
)  # fmt: skip
_ORIENTATION, _SHORT = 0x0112, 3  # the tag and its type
_TURNED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Opened:
    """An image whose header is sound and whose pixels are not decoded yet. Sides in pixels, as the viewer sees it."""

    height: int
    width: int
    grey: bool
    _orientation: int
    _image: Image.Image

    def pixels(self, *, height: int, width: int, channels: int) -> NDArray[np.uint8]:
        """The picture as ``[height, width, channels]``; channels is 1 or 3.

        Raises:
            BadImage: ``image-corrupt``.
        """
        try:
            flat = _flat(self._image, grey=self.grey)
        except UNREADABLE:
            raise _corrupt() from None
        turn = _TURNED.get(self._orientation)
        upright = flat if turn is None else flat.transpose(turn)
        coloured = upright.convert("L" if channels == 1 else "RGB")
        sized = coloured if coloured.size == (width, height) else _resized(coloured, width=width, height=height)
        return np.asarray(sized, dtype=np.uint8).reshape(height, width, channels)


def open_image(data: bytes, *, most_pixels: int) -> Opened:
    """What the header says; the pixels wait.

    Raises:
        BadImage: see ``header``; ``image-too-large`` and ``image-too-small`` by the stated size.
    """
    header = read_header(data)
    _refuse_size(header.width, header.height, most_pixels)
    try:
        image = _reader(header.format)(io.BytesIO(header.bare(data)))
        exif = header.exif or image.info.get("exif")
        grey = _is_grey(image)
    except UNREADABLE:
        raise _corrupt() from None
    if image.size != (header.width, header.height):
        raise _corrupt()
    orientation = _orientation(exif)
    across = orientation >= 5  # a quarter turn
    width, height = (header.height, header.width) if across else (header.width, header.height)
    return Opened(height, width, grey, orientation, image)


def decode_image(
    data: bytes, *, height: int, width: int, channels: int, most_pixels: int = ROW_PIXELS
) -> NDArray[np.uint8]:
    """One image file as ``[height, width, channels]``, by the rule of this page.

    Raises:
        IngestError: 422 ``image-too-large`` before anything of that size is decoded, else ``invalid-image``.
    """
    try:
        return open_image(data, most_pixels=most_pixels).pixels(height=height, width=width, channels=channels)
    except BadImage as error:
        code = "image-too-large" if error.code == "image-too-large" else "invalid-image"
        raise refusal(code, error.detail, limit=most_pixels if code == "image-too-large" else None) from None


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """``[height, width, channels]`` as a PNG, from which ``decode_image`` makes the same array."""
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _reader(name: str) -> type[ImageFile.ImageFile]:
    """Pillow's reader of one format; its ``open`` would try whatever readers there are."""
    return {
        "PNG": PngImagePlugin.PngImageFile,
        "JPEG": JpegImagePlugin.JpegImageFile,
        "BMP": BmpImagePlugin.BmpImageFile,
        "WebP": WebPImagePlugin.WebPImageFile,
    }[name]


def _refuse_size(width: int, height: int, most_pixels: int) -> None:
    if width * height > most_pixels:
        detail = f"expected an image of at most {most_pixels} pixels, found one of {width}x{height}"
        raise BadImage("image-too-large", detail)
    if min(width, height) < LEAST_SIDE:
        detail = f"expected sides of at least {LEAST_SIDE} pixels, found an image of {width}x{height}"
        raise BadImage("image-too-small", detail)


def _orientation(exif: bytes | None) -> int:
    """The EXIF orientation 1 to 8, the first entry of that tag in the first directory of what is a small TIFF file.

    What cannot be read is upright, as viewers show it. Pillow would read every tag, and warn of those that are broken.
    """
    body = (exif or b"").removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(body[:4])
    if order is None:
        return 1
    try:
        start = struct.unpack_from(f"{order}I", body, 4)[0]
        for index in range(struct.unpack_from(f"{order}H", body, start)[0]):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", body, start + 2 + 12 * index)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return int(value) if value in _TURNED else 1
    except struct.error:
        pass
    return 1


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "P":
        colours = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
        return bool((colours == colours[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La", "I") or image.mode.startswith("I;16")


def _flat(image: Image.Image, *, grey: bool) -> Image.Image:
    """The picture in mode L or RGB, transparent pixels on white."""
    hidden = image.info.get("transparency")
    if image.mode.startswith("I"):
        deep = np.asarray(image).astype(np.int32)
        upper = np.clip(deep >> 8, 0, 255).astype(np.uint8)
        return Image.fromarray(np.where(deep == hidden, 255, upper).astype(np.uint8))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or hidden is not None:
        clear = image.convert("RGBA")
        white = Image.new("RGB", clear.size, "white")
        white.paste(clear, mask=clear.getchannel("A"))
        return white.getchannel(0) if grey else white
    coloured = image.convert("L" if image.mode in ("1", "L") else "RGB")
    return coloured.getchannel(0) if grey and coloured.mode == "RGB" else coloured


def _resized(picture: Image.Image, *, width: int, height: int) -> Image.Image:
    return picture.resize((width, height), Image.Resampling.BILINEAR)


def _corrupt() -> BadImage:
    return BadImage("image-corrupt", "expected an image that can be decoded, found one that is damaged or cut")
