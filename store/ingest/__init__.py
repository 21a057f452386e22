"""Decodes one uploaded file, exactly once, into canonical Parquet, in a process that may die instead of this one.

``ingest`` is the whole room: bytes in, canonical Parquet and its description out, or an ``IngestError`` that says where
the file is wrong. ``describe`` and ``canonical_table`` do the same for tables that a job made; ``preview`` reads rows back.
``decode_image`` reads one image by the rule of uploads.
"""

from store.ingest.canonical import canonical_table, rewrite
from store.ingest.description import Description, describe, describe_file
from store.ingest.errors import IngestError
from store.ingest.images.pixels import ROW_PIXELS, decode_image
from store.ingest.limits import CHARSETS, IngestLimits, IngestOptions
from store.ingest.pool import IngestPool, ingest
from store.ingest.rows import preview

__all__ = [
    "CHARSETS",
    "ROW_PIXELS",
    "Description",
    "IngestError",
    "IngestLimits",
    "IngestOptions",
    "IngestPool",
    "canonical_table",
    "decode_image",
    "describe",
    "describe_file",
    "ingest",
    "preview",
    "rewrite",
]
