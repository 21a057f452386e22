"""A stored table, read lazily by column: canonical Parquet whose fields say their type."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from learning.errors import LearningError
from learning.tables.hashing import Fingerprint, fingerprint
from learning.tasks import ImageShape, described

COLUMN_TYPES = ("number", "category", "boolean", "text", "date", "image")


@dataclass(frozen=True)
class Table:
    """A dataset's rows. ``path`` is a canonical Parquet file: each field's metadata holds its ``type``."""

    id: str
    path: Path

    @cached_property
    def types(self) -> Mapping[str, str]:
        """Column name → ``number | category | boolean | text | date | image``, in column order.

        Raises:
            LearningError: ``not-canonical`` when a field does not say its type.
        """
        types = {}
        for field in self._file.schema_arrow:
            kind = (field.metadata or {}).get(b"type", b"").decode()
            if kind not in COLUMN_TYPES:
                raise LearningError("not-canonical", f"expected a column type for {field.name!r}, found {kind!r}")
            types[field.name] = kind
        return types

    @cached_property
    def images(self) -> Mapping[str, ImageShape]:
        """The shape of each image column: a cell holds height × width × channels bytes, rows of pixels.

        Raises:
            LearningError: ``not-canonical`` when a field of images does not say its shape, or holds cells of another.
        """
        return {
            field.name: _image_shape(field) for field in self._file.schema_arrow if self.types[field.name] == "image"
        }

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The types, in words that tell images of two shapes apart."""
        return {name: described(self.images[name]) if kind == "image" else kind for name, kind in self.types.items()}

    @cached_property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Hashes of the rows and columns; costs one pass over the file, the first time."""
        return fingerprint(self.path)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """The named columns, in the order asked, all rows."""
        return self._file.read(columns=list(columns)).select(list(columns))

    def batches(self, columns: Sequence[str], *, rows: int) -> Iterator[pa.Table]:
        """The named columns again and again for the next ``rows`` rows, with little more than those in memory."""
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            # a dot in a name means a path to Arrow, so more columns than these may come
            for batch in file.iter_batches(batch_size=rows, columns=list(columns), use_threads=False):
                yield pa.Table.from_batches([batch]).select(list(columns))

    @cached_property
    def _file(self) -> pq.ParquetFile:
        # The footer of a wide table takes longer to read than a column.
        return pq.ParquetFile(self.path)


def _image_shape(field: pa.Field) -> ImageShape:
    told = field.metadata or {}
    try:
        height, width, channels = (int(told[name]) for name in (b"height", b"width", b"channels"))
    except (KeyError, ValueError):
        raise LearningError(
            "not-canonical", f"expected the shape of the images of {field.name!r}, found none"
        ) from None
    if field.type != pa.binary(height * width * channels):
        detail = f"expected {height} × {width} × {channels} bytes in each cell of {field.name!r}, found {field.type}"
        raise LearningError("not-canonical", detail)
    return channels, height, width
