"""What one upload may cost, and how the uploader says that it is written."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from store.ingest.errors import refusal

MIB = 1024**2
TYPES = ("number", "category", "boolean", "text", "date")
CHARSETS = ("utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16")  # of CSV, as its Content-Type may say
LEAST_SIDE = 4  # of an image, in pixels
# "NA" and "null" are what R, pandas and SQL write; "None" is left out: it is a category in too many tables
NULLS = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL")


@dataclass(frozen=True)
class IngestLimits:
    """The most that one upload may ask for. Sizes in bytes, times in seconds."""

    columns: int = 2_000
    cells: int = 100_000_000  # rows times columns
    cell_bytes: int = 64 * 1024
    name_bytes: int = 256
    json_bytes: int = 64 * MIB  # one {"columns": …} body: it is held in memory whole
    decoded_bytes: int = 8 * 1024 * MIB  # all cells together, once decoded
    row_groups: int = 10_000
    metadata_bytes: int = 16 * MIB  # of a Parquet footer
    archive_entries: int = 200_000  # of a zip archive
    entry_bytes: int = 64 * MIB  # of one of them, unpacked
    ratio: int = 100  # unpacked to packed, of entries of more than ratio_from_bytes
    ratio_from_bytes: int = MIB
    image_pixels: int = 50_000_000  # of one image file
    image_side: int = 512  # of the pictures as they are stored, in pixels
    output_bytes: int = 8 * 1024 * MIB  # RLIMIT_FSIZE of the child
    memory_bytes: int = 2 * 1024 * MIB  # what the child may map beyond what it starts with (RLIMIT_AS)
    cpu_seconds: int = 600  # RLIMIT_CPU of the child
    wall_seconds: float = 900.0
    threads: int = 2  # that decode one file


@dataclass(frozen=True)
class IngestOptions:
    """How the file is written. ``types`` overrides what would be inferred; ``nulls`` None means ``NULLS``;
    ``image_size`` is the height and width that pictures get, None their own."""

    delimiter: str = ","
    decimal: str = "."
    nulls: tuple[str, ...] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None

    @property
    def null_values(self) -> list[str]:
        """The cells that are missing; the empty cell always is."""
        return list(NULLS if self.nulls is None else dict.fromkeys(("", *self.nulls)))

    def checked(self) -> "IngestOptions":
        """These options with a tab spelled out, once they make sense.

        Raises:
            IngestError: 422 ``unknown-value`` for a delimiter, decimal mark or type that cannot be; ``out-of-range`` for
                a side of less than ``LEAST_SIDE`` pixels.
        """
        delimiter = {"\\t": "\t", "tab": "\t"}.get(self.delimiter, self.delimiter)
        if len(delimiter) != 1 or not (delimiter == "\t" or " " <= delimiter <= "~") or delimiter in '"':
            raise refusal(
                "unknown-value", "expected one ASCII character as delimiter", actual=self.delimiter, option="delimiter"
            )
        if self.decimal not in (".", ",") or self.decimal == delimiter:
            detail = "expected '.' or ',' as decimal mark, and not the delimiter"
            raise refusal("unknown-value", detail, actual=self.decimal, option="decimal")
        for name, kind in self.types.items():
            if kind not in TYPES:
                raise refusal(
                    "unknown-value",
                    f"expected a type out of {', '.join(TYPES)}",
                    column=name,
                    actual=kind,
                    option="types",
                )
        if self.image_size is not None and min(self.image_size) < LEAST_SIDE:
            detail = f"expected an image_size with sides of at least {LEAST_SIDE} pixels"
            raise refusal("out-of-range", detail, limit=LEAST_SIDE, actual=min(self.image_size), option="image_size")
        names = {name.strip(): kind for name, kind in self.types.items()}
        return replace(self, delimiter=delimiter, types=names)


def as_json(value: IngestLimits | IngestOptions) -> dict[str, Any]:
    return asdict(value)


def options_from_json(value: Mapping[str, Any]) -> IngestOptions:
    nulls, size = value["nulls"], value["image_size"]
    return IngestOptions(
        value["delimiter"],
        value["decimal"],
        None if nulls is None else tuple(nulls),
        value["types"],
        None if size is None else (size[0], size[1]),
    )
