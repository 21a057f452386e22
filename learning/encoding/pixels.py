"""How images become numbers: each pixel standardised by its channel, channel by channel and row by row."""

from functools import cached_property
from math import prod
from typing import Annotated, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from learning.encoding import cells
from learning.tasks import ImageShape

#: The longest side of an image that a model reads, and the most bytes of it: 577 pixels squared in colour.
MAX_SIDE, MAX_BYTES = 1024, 1_000_000
LEVELS = 256
_AT_A_TIME = 1024
_Level = Annotated[float, Field(ge=0.0, le=LEVELS - 1)]
_Levels = Annotated[tuple[_Level, ...], Field(min_length=1, max_length=3)]


class Pixels(BaseModel):
    """The shape of a column's images, and by channel the mean and the deviation of the training rows' pixels, 0 to 255."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=1, le=MAX_SIDE)
    width: int = Field(ge=1, le=MAX_SIDE)
    mean: _Levels
    scale: _Levels

    @model_validator(mode="after")
    def _is_an_image(self) -> Self:
        if len(self.mean) != len(self.scale) or len(self.mean) == 2:
            raise ValueError(
                f"expected mean and scale of 1 or 3 channels, found {len(self.mean)} and {len(self.scale)}"
            )
        if self.count > MAX_BYTES:
            raise ValueError(f"expected images of at most {MAX_BYTES} bytes, found {self.count}")
        return self

    @property
    def shape(self) -> ImageShape:
        return len(self.mean), self.height, self.width

    @property
    def count(self) -> int:
        """How many numbers an image becomes."""
        return prod(self.shape)

    def encode(self, images: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        """Fill the first `count` numbers of ``out`` ``[n, p]`` from ``images`` ``[n, height, width, channels]``."""
        plane = self.height * self.width
        for channel, numbers in enumerate(self._numbers):
            out[:, channel * plane : (channel + 1) * plane] = numbers[images[..., channel]].reshape(len(images), plane)

    @cached_property
    def _numbers(self) -> NDArray[np.float32]:
        """``[channels, 256]``, what each level of a channel becomes; a channel that never varied says nothing."""
        mean, scale = np.array(self.mean)[:, None], np.array(self.scale)[:, None]
        numbers: NDArray[np.float32] = ((np.arange(LEVELS) - mean) / np.where(scale > 0, scale, np.inf)).astype(
            np.float32
        )
        return numbers


def learned(column: pa.ChunkedArray, shape: ImageShape) -> Pixels | None:
    """Return how images of this shape become numbers, from those of the training rows; null where all are one colour."""
    # How often each level of a channel occurs: exact sums, whatever the order of the rows.
    counts = np.zeros((shape[0], LEVELS), np.int64)
    for start in range(0, len(column), _AT_A_TIME):
        pixels = cells.images(column.slice(start, _AT_A_TIME), shape)
        for channel in range(shape[0]):
            counts[channel] += np.bincount(pixels[..., channel].ravel(), minlength=LEVELS)
    levels, share = np.arange(LEVELS), counts / counts.sum(axis=1, keepdims=True)
    mean = share @ levels
    scale = np.sqrt((share * np.square(levels - mean[:, None])).sum(axis=1))
    if not scale.any():
        return None
    return Pixels(height=shape[1], width=shape[2], mean=tuple(mean.tolist()), scale=tuple(scale.tolist()))
