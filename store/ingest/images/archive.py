"""A zip archive of images as batches of pictures of one size and their labels."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from store.ingest.errors import refusal
from store.ingest.images.column import NAME, ImageShape, image_cells
from store.ingest.images.header import BadImage
from store.ingest.images.labels import Labels, by_folder, by_table, labels_entry
from store.ingest.images.pixels import Opened, open_image
from store.ingest.images.zip_directory import LOCAL, Entry, read_directory
from store.ingest.images.zip_entry import read_entry
from store.ingest.images.zip_names import choose
from store.ingest.inference import Facts
from store.ingest.limits import IngestLimits, IngestOptions

BATCH_BYTES = 4 * 1024**2  # of pixels
BATCH_ROWS = 4_096


class ImageArchive:
    """An archive whose images have all been opened, none of them decoded: what their sizes and colours are is known.

    Rows stand in the order of ``labels.csv``, else of the names; the order of the entries in the archive is no matter.
    """

    def __init__(self, path: Path, options: IngestOptions, limits: IngestLimits, scratch: Path) -> None:
        self._path, self._limits = path, limits
        if path.stat().st_size == 0:
            raise refusal("empty-file", "expected a zip archive of images, found no bytes")
        warnings: list[dict[str, str]] = []
        with path.open("rb") as file:
            chosen = choose(read_directory(file, limits))
            self._entries = chosen.entries
            table = labels_entry(list(chosen.entries))
            pictures = [name for name in chosen.entries if name != table]
            if not pictures:
                raise refusal("no-rows", "expected at least one image in the archive, found none")
            seen = _survey(file, [self._entries[name] for name in sorted(pictures)], limits)
            if table is None:
                self._order, self._labels = by_folder(pictures, limits)
            else:
                content = read_entry(file, self._entries[table])
                self._order, self._labels, warnings = by_table(content, table, pictures, options, limits, scratch)
        self._shape = _shape(seen, options, limits)
        _refuse_total(len(self._order), self._shape, limits)
        self.names = [NAME, *(column.name for column in self._labels)]
        self.images = {NAME: self._shape}
        self.warnings = [*_warnings(chosen.ignored, seen, options, self._shape), *warnings]

    def batches(self) -> Iterator[list["ImageCells | LabelCells"]]:
        """The rows in order, a few megabytes of pixels at a time."""
        step = max(1, min(BATCH_ROWS, BATCH_BYTES // self._shape.cell_bytes))
        with self._path.open("rb") as file:
            for start in range(0, len(self._order), step):
                entries = [self._entries[name] for name in self._order[start : start + step]]
                yield [
                    ImageCells(file, entries, self._shape, self._limits),
                    *(LabelCells(column, start, len(entries)) for column in self._labels),
                ]


class ImageCells:
    """A batch of the column of pictures."""

    def __init__(self, file: BinaryIO, entries: Sequence[Entry], shape: ImageShape, limits: IngestLimits) -> None:
        self._file, self._entries, self._shape, self._limits = file, entries, shape, limits

    def facts(self) -> Facts:
        return Facts(images=len(self._entries))

    def to(self, kind: str) -> pa.Array:
        """The pictures, decoded and resized.

        Raises:
            IngestError: 422 ``image-corrupt`` with the name of the entry; ``unknown-value`` for another ``kind``.
        """
        if kind != NAME:
            detail = f"expected no declared type for the column {NAME}, whose cells are pictures"
            raise refusal("unknown-value", detail, column=NAME, actual=kind, option="types")
        shown = self._shape.shown
        pictures = []
        for entry in self._entries:
            try:
                pictures.append(_opened(self._file, entry, self._limits).pixels(**shown))
            except BadImage as error:
                raise refusal(error.code, error.detail, entry=entry.name) from None
        return image_cells(pictures, self._shape)


class LabelCells:
    """A batch of a column of labels. All facts are told with the first batch, for the column is known whole."""

    def __init__(self, column: Labels, start: int, rows: int) -> None:
        self._column, self._start, self._rows = column, start, rows

    def facts(self) -> Facts:
        return self._column.facts if self._start == 0 else Facts()

    def to(self, kind: str) -> pa.Array:
        return self._column.values(kind, self._start, self._rows)


@dataclass(frozen=True)
class _Seen:
    """The sides of all images, as the viewer sees them, and whether every one is grey."""

    sizes: tuple[tuple[int, int], ...]
    grey: bool


def _survey(file: BinaryIO, entries: Sequence[Entry], limits: IngestLimits) -> _Seen:
    sizes, grey = [], True
    for entry in entries:
        try:
            opened = _opened(file, entry, limits)
        except BadImage as error:
            raise refusal(error.code, error.detail, entry=entry.name) from None
        sizes.append((opened.height, opened.width))
        grey = grey and opened.grey
    return _Seen(tuple(sizes), grey)


def _opened(file: BinaryIO, entry: Entry, limits: IngestLimits) -> Opened:
    data = read_entry(file, entry)
    if data.startswith(LOCAL):
        detail = "expected images, found an archive inside the archive"
        raise refusal("archive-too-large", detail, entry=entry.name)
    return open_image(data, most_pixels=limits.image_pixels)


def _shape(seen: _Seen, options: IngestOptions, limits: IngestLimits) -> ImageShape:
    """One size for all: the one that was asked for, else their own; of several, the median height and the median width
    (the lower one of two), so that no outlier decides."""
    heights, widths = zip(*seen.sizes, strict=True)
    own = int(statistics.median_low(heights)), int(statistics.median_low(widths))
    height, width = options.image_size or own
    most = limits.image_side
    if max(height, width) > most and options.image_size:
        detail = f"expected an image_size with sides of at most {most} pixels"
        raise refusal("out-of-range", detail, limit=most, actual=max(height, width), option="image_size")
    if max(height, width) > most:
        detail = f"expected pictures of at most {most}x{most}, found {width}x{height}: ask for a smaller image_size"
        raise refusal("image-too-large", detail, limit=most, actual=max(height, width))
    return ImageShape(height, width, 1 if seen.grey else 3)


def _refuse_total(rows: int, shape: ImageShape, limits: IngestLimits) -> None:
    total = rows * shape.cell_bytes
    if total > limits.decoded_bytes:
        detail = f"expected pictures of at most {limits.decoded_bytes} bytes together: ask for a smaller image_size"
        raise refusal("archive-too-large", detail, limit=limits.decoded_bytes, actual=total)


def _warnings(ignored: int, seen: _Seen, options: IngestOptions, shape: ImageShape) -> list[dict[str, Any]]:
    found = []
    if ignored:
        detail = f"{ignored} hidden entries, or entries of an operating system, were left out"
        found.append({"code": "ignored-entries", "detail": detail, "pointer": ""})
    sizes = len(set(seen.sizes))
    if sizes > 1 and options.image_size is None:
        detail = f"images of {sizes} sizes are stored as {shape.width}x{shape.height}, their median width and height"
        found.append({"code": "mixed-sizes", "detail": detail, "pointer": "/columns/0"})
    return found
