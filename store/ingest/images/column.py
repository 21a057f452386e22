"""An image column of a canonical file: cells of one size, each the pixels of a picture, row-major height×width×channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

KIND = "image"
NAME = "image"  # of the column of pictures in an upload; a dataset has at most one


@dataclass(frozen=True)
class ImageShape:
    """What every picture of a column has in common; ``channels`` is 1 or 3, sides are in pixels."""

    height: int
    width: int
    channels: int

    @property
    def cell_bytes(self) -> int:
        return self.height * self.width * self.channels

    @property
    def shown(self) -> dict[str, int]:
        return {"height": self.height, "width": self.width, "channels": self.channels}


def image_field(name: str, shape: ImageShape) -> pa.Field:
    """The field of a column of such pictures, never null."""
    stated = {key.encode(): str(size).encode() for key, size in shape.shown.items()}
    return pa.field(name, pa.binary(shape.cell_bytes), nullable=False, metadata={b"type": KIND.encode(), **stated})


def image_shapes(schema: pa.Schema) -> dict[str, ImageShape]:
    """The shapes that a schema states for its image columns, by name.

    Raises:
        ValueError: a field calls itself an image whose storage is something else.
    """
    found = {}
    for field in schema:
        stated: Mapping[bytes, bytes] = field.metadata or {}
        if stated.get(b"type") != KIND.encode():
            continue
        shape = ImageShape(*(int(stated.get(side, b"0")) for side in (b"height", b"width", b"channels")))
        if shape.channels not in (1, 3) or shape.cell_bytes < 1 or field.type != pa.binary(shape.cell_bytes):
            raise ValueError(f"expected pictures of {shape.shown}, found cells of {field.type}")
        found[field.name] = shape
    return found


def image_cells(pictures: Sequence[NDArray[np.uint8]], shape: ImageShape) -> pa.Array:
    """Pictures ``[height, width, channels]`` as cells."""
    packed = np.stack(pictures).tobytes() if pictures else b""
    return pa.Array.from_buffers(pa.binary(shape.cell_bytes), len(pictures), [None, pa.py_buffer(packed)])


def pixels_of(cell: bytes, shape: ImageShape) -> NDArray[np.uint8]:
    """One cell as ``[height, width, channels]``."""
    return np.frombuffer(cell, dtype=np.uint8).reshape(shape.height, shape.width, shape.channels)


def bounded_rows(schema: pa.Schema, *, rows: int, at_most_bytes: int) -> int:
    """How many rows to hold at once: ``rows``, or as many as keep the pictures among them within ``at_most_bytes``."""
    widest = sum(field.type.byte_width for field in schema if pa.types.is_fixed_size_binary(field.type))
    return rows if widest == 0 else max(1, min(rows, at_most_bytes // widest))
