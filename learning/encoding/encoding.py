"""From table cells to the numbers a trunk reads: fitted on training rows, stored in the model, the same when serving."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from learning.encoding import cells as arrow
from learning.encoding.absent import Absent, part
from learning.encoding.cells import FIRST_VALUE, Cells
from learning.encoding.columns import CLIP, DATE_WIDTH, Column, Dropped, date_numbers, learn
from learning.encoding.pixels import Pixels
from learning.errors import Notice
from learning.networks.base import InputShape
from learning.tasks import ImageShape

#: Rows encoded at a time, and the numbers of so many rows: images are encoded in smaller pieces.
CHUNK_ROWS, CHUNK_NUMBERS = 65_536, 1 << 24


@dataclass(frozen=True, eq=False, slots=True)
class Encoded:
    """Rows as a trunk reads them: ``numeric`` ``[n, p]`` float32, ``category`` ``[n, q]`` int64."""

    numeric: NDArray[np.float32]
    category: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numeric)


class Encoding(BaseModel):
    """How rows become numbers.

    ``numeric`` holds the pixels of the image column, channel by channel and row by row, each standardised by its channel;
    then the number columns, the boolean columns, five numbers for each date column (days standardised, sine
    and cosine of the place in the year and in the week), then the missing indicators. ``category`` holds an index
    for each category column. A cell that the row's source lacks is 0 everywhere, whose embedding is the zero vector.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[Column, ...]
    dropped: tuple[Dropped, ...] = ()

    @model_validator(mode="after")
    def _has_one_image_at_most(self) -> Self:
        if sum(column.type == "image" for column in self.columns) > 1:
            raise ValueError("expected one column of images at most")
        return self

    @cached_property
    def image(self) -> Column | None:
        """The column of images, if there is one."""
        return next((column for column in self.columns if column.type == "image"), None)

    @cached_property
    def inputs(self) -> InputShape:
        """What a trunk reads of the rows."""
        return InputShape(self.numeric, self.cardinalities, None if self._pixels is None else self._pixels.shape)

    @cached_property
    def numbers(self) -> tuple[Column, ...]:
        """The columns of `Cells.numbers`: numbers, then booleans."""
        return tuple(c for kind in ("number", "boolean") for c in self.columns if c.type == kind)

    @cached_property
    def dates(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.type == "date")

    @cached_property
    def categories(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.type == "category")

    @cached_property
    def cardinalities(self) -> tuple[int, ...]:
        return tuple(FIRST_VALUE + len(column.values) for column in self.categories)

    @cached_property
    def numeric(self) -> int:
        """p, the numbers of a row; at least 1 where there is no category either, so that every trunk has an input."""
        width = self._first + len(self.numbers) + DATE_WIDTH * len(self.dates) + len(self._indicated)
        return width or int(not self.categories)

    @property
    def _first(self) -> int:
        """Where the numbers behind the pixels begin."""
        return 0 if self._pixels is None else self._pixels.count

    @property
    def notices(self) -> tuple[Notice, ...]:
        return tuple(dropped.notice for dropped in self.dropped)

    def encode(self, table: pa.Table, *, absent: Absent | None = None) -> Encoded:
        """Return the encoded rows of a table with canonical column types; a column that it lacks is absent.

        Args:
            absent: Which cells the rows' sources lack (`absent_cells`), as opposed to cells that are empty.
        """
        missing: Absent = {column.name: True for column in self.columns if column.name not in table.column_names}
        absent = {**(absent or {}), **missing}
        n, step = table.num_rows, max(1, min(CHUNK_ROWS, CHUNK_NUMBERS // max(1, self.numeric)))
        if n <= step:
            return self.encode_cells(self._cells(table), absent=absent)
        out = Encoded(np.empty((n, self.numeric), np.float32), np.empty((n, len(self.categories)), np.int64))
        for start in range(0, n, step):
            some = self.encode_cells(self._cells(table.slice(start, step)), absent=part(absent, start, step))
            out.numeric[start : start + step], out.category[start : start + step] = some.numeric, some.category
        return out

    def encode_cells(self, cells: Cells, *, absent: Absent | None = None) -> Encoded:
        """Return the encoded rows; this is the only place where a cell becomes a number, in training and in serving."""
        out = np.zeros((len(cells.numbers), self.numeric), np.float32)
        category = cells.categories.copy() if absent else cells.categories
        if self._pixels is not None and cells.images is not None:
            self._pixels.encode(cells.images, out)
        missing = np.isnan(cells.numbers)
        with np.errstate(over="ignore"):
            z = (cells.numbers - self._mean) / self._scale
        np.maximum(z, -CLIP, out=z)
        np.minimum(z, CLIP, out=z)
        np.copyto(z, self._fill, where=missing)
        width = self._first + z.shape[1]
        out[:, self._first : width] = z
        if self.dates:
            missing = np.concatenate([missing, np.isnat(cells.dates)], axis=1)
            for j, column in enumerate(self.dates):
                out[:, width : width + DATE_WIDTH] = date_numbers(cells.dates[:, j], column)
                width += DATE_WIDTH
        if len(self._indicated):
            out[:, width:] = missing[:, self._indicated]
        for name, rows in (absent or {}).items():
            numeric, categorical = self._places.get(name, ((), ()))
            mask = slice(None) if rows is True else np.flatnonzero(rows)
            for places in numeric:
                out[mask, places] = 0.0
            for j in categorical:
                category[mask, j] = 0
        return Encoded(out, category)

    def _cells(self, table: pa.Table) -> Cells:
        n = table.num_rows

        def columns(kind: Sequence[Column], read: Any, blank: Any) -> Iterator[NDArray[Any]]:
            for column in kind:
                known = column.name in table.column_names
                yield read(table[column.name], column) if known else np.full(n, blank)

        return Cells(
            arrow.stacked([*columns(self.numbers, lambda c, _: arrow.numbers(c), np.nan)], n, np.float64),
            arrow.stacked(
                [*columns(self.dates, lambda c, _: arrow.dates(c), np.datetime64("NaT"))], n, "datetime64[us]"
            ),
            arrow.stacked([*columns(self.categories, _indices, 0)], n, np.int64),
            self._images(table),
        )

    def _images(self, table: pa.Table) -> NDArray[np.uint8] | None:
        if self.image is None or self._pixels is None or self.image.name not in table.column_names:
            return None
        return arrow.images(table[self.image.name], self._pixels.shape)

    @cached_property
    def _pixels(self) -> Pixels | None:
        return None if self.image is None else self.image.pixels

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        return np.array([c.mean if c.type == "number" else 0.0 for c in self.numbers])

    @cached_property
    def _scale(self) -> NDArray[np.float64]:
        # Booleans stay 0 and 1; a value that says nothing is divided away.
        return np.array([(c.scale or np.inf) if c.type == "number" else 1.0 for c in self.numbers])

    @cached_property
    def _fill(self) -> NDArray[np.float64]:
        return np.array([column.fill for column in self.numbers])

    @cached_property
    def _indicated(self) -> NDArray[np.int64]:
        """The columns of numbers, then dates, that have a missing indicator."""
        return np.flatnonzero([column.indicator for column in (*self.numbers, *self.dates)])

    @cached_property
    def _places(self) -> Mapping[str, tuple[tuple[int | slice, ...], tuple[int, ...]]]:
        """The positions of each column in ``numeric`` and in ``category``."""
        widths = [1] * len(self.numbers) + [DATE_WIDTH] * len(self.dates)
        starts = [*accumulate(widths, initial=self._first)]
        indicators = {int(column): starts[-1] + position for position, column in enumerate(self._indicated)}
        places: dict[str, tuple[tuple[int | slice, ...], tuple[int, ...]]] = {}
        if self.image is not None:
            places[self.image.name] = (slice(0, self._first),), ()
        for position, column in enumerate((*self.numbers, *self.dates)):
            own = range(starts[position], starts[position + 1])
            places[column.name] = ((*own, *([indicators[position]] if position in indicators else ())), ())
        return places | {column.name: ((), (j,)) for j, column in enumerate(self.categories)}


def _indices(cells: pa.ChunkedArray, column: Column) -> NDArray[np.int64]:
    return arrow.categories(cells, column.values, missing=column.missing_index)


def fit(
    features: pa.Table,
    types: Mapping[str, str],
    *,
    train: NDArray[np.bool_],
    absent: Absent | None = None,
    images: Mapping[str, ImageShape] | None = None,
) -> Encoding:
    """Return the encoding of a table's columns, learned from its training rows only.

    Args:
        types: The canonical type of each feature.
        train: ``[n]``, which rows are for training.
        absent: Which cells the rows' sources lack (`absent_cells`); they teach nothing.
        images: The shape of each feature that is an image.

    Example:
        >>> table = pa.table({"age": [20.0, 40.0, None], "shop": ["a", "b", "a"]})
        >>> encoding = fit(table, {"age": "number", "shop": "category"}, train=np.array([True, True, True]))
        >>> encoding.encode(table).numeric.tolist()
        [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    columns, dropped = [], []
    for name in features.column_names:
        lacking = (absent or {}).get(name)
        rows = train if lacking is None else train & ~np.broadcast_to(np.asarray(lacking), train.shape)
        found = features[name].filter(pa.array(rows))
        match learn(name, types[name], found, image=(images or {}).get(name)):
            case Column() as column:
                columns.append(column)
            case Dropped() as column:
                dropped.append(column)
    return Encoding(columns=tuple(columns), dropped=tuple(dropped))
