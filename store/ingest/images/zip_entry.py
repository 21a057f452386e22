"""The bytes of one entry of a zip archive: never more than its directory states, and exactly those."""

import struct
import zlib
from typing import BinaryIO

from store.ingest.errors import refusal
from store.ingest.images.zip_directory import LOCAL, LOCAL_HEADER, Entry, corrupt, entry_name

_RAW = -15  # deflate without a header of zlib's


def read_entry(file: BinaryIO, entry: Entry) -> bytes:
    """What ``entry`` unpacks to.

    Raises:
        IngestError: 422 ``archive-too-large`` when that is more than stated, ``archive-corrupt`` when it differs.
    """
    file.seek(entry.place)
    try:
        header = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    except struct.error:
        raise corrupt("a header before each entry", "none", entry=entry.name) from None
    magic, _, flags, _, _, _, _, _, _, name_bytes, extra_bytes = header
    if magic != LOCAL or entry_name(file.read(name_bytes), flags) != entry.name:
        raise corrupt("the header of this entry at its place", "something else", entry=entry.name)
    if entry.place + LOCAL_HEADER.size + name_bytes + extra_bytes + entry.packed > entry.end:
        detail = "expected entries one behind the other, found some that share bytes"
        raise refusal("archive-too-large", detail, entry=entry.name)
    file.seek(extra_bytes, 1)
    packed = file.read(entry.packed)
    data = _inflated(packed, entry) if entry.deflated else packed
    if len(data) != entry.size or zlib.crc32(data) != entry.checksum:
        raise corrupt("entries of the size and checksum that they state", "another", entry=entry.name)
    return data


def _inflated(packed: bytes, entry: Entry) -> bytes:
    inflater = zlib.decompressobj(_RAW)
    try:
        data = inflater.decompress(packed, entry.size + 1)
    except zlib.error:
        raise corrupt("entries that can be inflated", "damaged bytes", entry=entry.name) from None
    if len(data) > entry.size:
        detail = f"expected an entry of {entry.size} bytes as it states, found more"
        raise refusal("archive-too-large", detail, entry=entry.name, limit=entry.size)
    return data
