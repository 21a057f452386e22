"""Image files and zip archives as bytes, made here."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
from PIL import Image


def noise(height: int, width: int, channels: int = 1, *, seed: int = 0) -> np.ndarray:
    """Random ``[height, width, channels]`` bytes."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png(height: int = 6, width: int = 5, channels: int = 1, *, seed: int = 0) -> bytes:
    return encoded(picture(noise(height, width, channels, seed=seed)))


def huge_png(side: int = 50_000) -> bytes:
    """A PNG that states ``side`` squared pixels in a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(40_000))) + chunk(b"IEND", b"")


def archive(entries: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, content in entries.items():
            made.writestr(name, content)
    return file.getvalue()
