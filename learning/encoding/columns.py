"""How one feature column is encoded, learned from its training cells."""

from collections import Counter
from typing import Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from learning.encoding import cells
from learning.encoding.pixels import Pixels, learned
from learning.errors import Notice
from learning.tasks import ImageShape, described

#: Categories with a vector of their own, the most frequent; the rest is answered as unseen.
MAX_VALUES = 1_000
#: Standardised values further out than this say no more, and would swamp float32 arithmetic.
CLIP = 1e4
DAY_MICROSECONDS = 86_400e6
# A week, and a mean Gregorian year.
WEEK_DAYS, YEAR_DAYS = 7.0, 365.2425
DATE_WIDTH = 5  # days standardised, then sine and cosine of the place in the year and in the week


class Column(BaseModel):
    """How one feature is encoded.

    mean, scale: a number x becomes (x − mean) / scale, a date the same in days; scale 0: the value says nothing, only
    whether it is missing does. fill: what a missing cell becomes. indicator: whether training had missing cells; then a
    further number, or an index of its own, says so. values: a category's known values, most frequent first. pixels: of
    images, and only of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: Literal["number", "boolean", "date", "category", "image"]
    mean: float = Field(default=0.0, allow_inf_nan=False)
    scale: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    fill: float = Field(default=0.0, allow_inf_nan=False)
    indicator: bool = False
    values: tuple[str, ...] = ()
    pixels: Pixels | None = None

    @model_validator(mode="after")
    def _has_pixels_as_an_image(self) -> Self:
        if (self.pixels is not None) != (self.type == "image"):
            raise ValueError("expected the pixels of an image column, and of no other")
        return self

    @property
    def kind(self) -> str:
        """The type, in words that tell images of two shapes apart."""
        return self.type if self.pixels is None else described(self.pixels.shape)

    @property
    def missing_index(self) -> int:
        """A category's index of a missing cell; where training had none it would be an untrained vector."""
        return cells.MISSING if self.indicator else cells.UNSEEN


class Dropped(BaseModel):
    """A feature that is not encoded, and the code of the notice that says why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    type: str
    code: Literal["constant-feature", "empty-feature", "text-feature"]

    @property
    def notice(self) -> Notice:
        why = {
            "constant-feature": "holds one value in all training rows",
            "empty-feature": "is empty in all training rows",
            "text-feature": "is free text, which networks for tables do not read",
        }[self.code]
        return Notice(self.code, f"column {self.name[:64]!r} {why}; it is not used")


def learn(name: str, kind: str, column: pa.ChunkedArray, *, image: ImageShape | None = None) -> Column | Dropped:
    """Return the encoding of a column from its training cells, those of rows whose source has the column.

    Args:
        kind: The canonical type, ``number``, ``boolean``, ``date``, ``category``, ``text`` or ``image``.
        image: The shape of the images of a column that holds some.
    """
    if image is not None:
        return _image(name, column, image)
    match kind:
        case "number":
            return _number(name, cells.numbers(column))
        case "boolean":
            return _boolean(name, cells.numbers(column))
        case "date":
            return _date(name, cells.dates(column))
        case "category":
            return _category(name, column)
        case _:
            return Dropped(name=name, type=kind, code="text-feature")


def date_numbers(dates: NDArray[np.datetime64], column: Column) -> NDArray[np.float64]:
    """Return ``[n, 5]``: days standardised, sine and cosine of the place in the year and in the week; 0 if missing."""
    missing = np.isnat(dates)
    days = _days(np.where(missing, np.datetime64(0, "us"), dates))
    year, week = (2 * np.pi / period * np.mod(days, period) for period in (YEAR_DAYS, WEEK_DAYS))
    z = np.clip((days - column.mean) / (column.scale or np.inf), -CLIP, CLIP)
    out = np.stack([z, np.sin(year), np.cos(year), np.sin(week), np.cos(week)], axis=1)
    out[missing] = 0.0
    return out


def moments(values: NDArray[np.float64]) -> tuple[float, float]:
    """The mean and the standard deviation of ``values`` ``[n ≥ 1]``, also where their squares would overflow."""
    largest = float(np.abs(values).max())
    if largest == 0.0:
        return 0.0, 0.0
    scaled = values / largest
    return float(scaled.mean()) * largest, float(scaled.std()) * largest


def _days(dates: NDArray[np.datetime64]) -> NDArray[np.float64]:
    return dates.astype(np.int64) / DAY_MICROSECONDS


def _number(name: str, values: NDArray[np.float64]) -> Column | Dropped:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Dropped(name=name, type="number", code="empty-feature")
    indicator = len(known) < len(values)
    if known.min() == known.max():
        if not indicator:
            return Dropped(name=name, type="number", code="constant-feature")
        return Column(name=name, type="number", mean=float(known[0]), scale=0.0, indicator=True)
    mean, deviation = moments(known)
    return Column(name=name, type="number", mean=mean, scale=deviation, indicator=indicator)


def _boolean(name: str, values: NDArray[np.float64]) -> Column | Dropped:
    known = values[~np.isnan(values)]
    if len(known) == 0:
        return Dropped(name=name, type="boolean", code="empty-feature")
    indicator = len(known) < len(values)
    if known.min() == known.max() and not indicator:
        return Dropped(name=name, type="boolean", code="constant-feature")
    return Column(name=name, type="boolean", fill=float(known.mean()), indicator=indicator)


def _date(name: str, dates: NDArray[np.datetime64]) -> Column | Dropped:
    known = dates[~np.isnat(dates)]
    if len(known) == 0:
        return Dropped(name=name, type="date", code="empty-feature")
    indicator = len(known) < len(dates)
    if known.min() == known.max() and not indicator:
        return Dropped(name=name, type="date", code="constant-feature")
    mean, deviation = moments(_days(known))
    return Column(name=name, type="date", mean=mean, scale=deviation, indicator=indicator)


def _category(name: str, column: pa.ChunkedArray) -> Column | Dropped:
    counts = pc.value_counts(column.cast(pa.string()))
    found = Counter(dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)))
    missing = found.pop(None, 0)
    if not found:
        return Dropped(name=name, type="category", code="empty-feature")
    if len(found) == 1 and not missing:
        return Dropped(name=name, type="category", code="constant-feature")
    # Ties by the text, so that equal tables make equal models whatever the order of their rows.
    values = sorted(found, key=lambda value: (-found[value], value))[:MAX_VALUES]
    return Column(name=name, type="category", indicator=missing > 0, values=tuple(values))


def _image(name: str, column: pa.ChunkedArray, shape: ImageShape) -> Column | Dropped:
    if len(column) == 0:
        return Dropped(name=name, type="image", code="empty-feature")
    pixels = learned(column, shape)
    if pixels is None:
        return Dropped(name=name, type="image", code="constant-feature")
    return Column(name=name, type="image", pixels=pixels)
