"""The central directory of a zip archive (APPNOTE.TXT 6.3.10), read strictly: what is odd is refused, never repaired.

Python's ``zipfile`` forgives junk before the archive, cuts names at a NUL and makes an object of every entry before
anybody can count them, so the directory is read here. Nothing is ever written under a name of an entry.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import BinaryIO

from store.ingest.errors import IngestError, refusal
from store.ingest.limits import IngestLimits

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
_END = struct.Struct("<4s4H2LH")
_END64_PLACE = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_MOST_COMMENT = 0xFFFF
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF  # the number stands in a ZIP64 record
_ZIP64_EXTRA = 0x0001
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # classic, strong, and with a masked directory
_UTF8 = 0x0800


@dataclass(frozen=True)
class Entry:
    """One file in the archive. ``place``: of its local header; ``end``: the first byte that belongs to another entry;
    ``mode``: its Unix mode, 0 when the archive states none."""

    name: str
    place: int
    end: int
    packed: int
    size: int
    checksum: int
    deflated: bool
    mode: int


def read_directory(file: BinaryIO, limits: IngestLimits) -> list[Entry]:
    """All entries in the order of the directory.

    Raises:
        IngestError: 415 ``content-mismatch``; 422 ``archive-corrupt``, ``archive-too-large``, ``unsafe-entry-name``.
    """
    count, start, size = _bounds(file, limits)
    file.seek(start)
    entries = list(_entries(file.read(size), count))
    _refuse_sizes(entries, limits)
    return _placed(entries, start)


def _bounds(file: BinaryIO, limits: IngestLimits) -> tuple[int, int, int]:
    """How many entries, and the place and size of the directory: it must end where its end record begins."""
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(4)
    tail_start = max(0, length - _END.size - _MOST_COMMENT)
    file.seek(tail_start)
    found = _end_record(file.read())
    if found is None:
        if head != LOCAL:
            detail = "expected a zip archive as the Content-Type says, found something else"
            raise refusal("content-mismatch", detail, status=415)
        raise corrupt("a central directory at its end", "none: the archive is cut or has bytes behind it")
    place, (disk, first_disk, here, count, size, start) = found
    end = tail_start + place
    if _FULL16 in (here, count) or _FULL32 in (size, start):
        end, (disk, first_disk, here, count, size, start) = _end64_record(file, end)
    if (disk, first_disk, here) != (0, 0, count):
        raise corrupt("an archive in one part", "one of several")
    if count > limits.archive_entries:
        detail = f"expected at most {limits.archive_entries} entries"
        raise refusal("archive-too-large", detail, limit=limits.archive_entries, actual=count)
    if size > limits.metadata_bytes * 4:
        detail = f"expected a central directory of at most {limits.metadata_bytes * 4} bytes"
        raise refusal("archive-too-large", detail, limit=limits.metadata_bytes * 4, actual=size)
    if start + size != end or (head != LOCAL and count):
        raise corrupt("an archive from the first byte of the file on", "other bytes before or inside it")
    return count, start, size


_Ends = tuple[int, int, int, int, int, int]


def _end_record(tail: bytes) -> tuple[int, _Ends] | None:
    """The place and fields of the last end record whose comment ends with the file."""
    place = tail.rfind(END)
    while place >= 0:
        if place + _END.size <= len(tail):
            _, disk, first_disk, here, count, size, start, comment = _END.unpack_from(tail, place)
            if place + _END.size + comment == len(tail):
                return place, (disk, first_disk, here, count, size, start)
        place = tail.rfind(END, 0, place)
    return None


def _end64_record(file: BinaryIO, end: int) -> tuple[int, _Ends]:
    """The same of the ZIP64 record, whose place stands right before ``end``."""
    try:
        file.seek(end - _END64_PLACE.size)
        magic, _, place, _ = _END64_PLACE.unpack(file.read(_END64_PLACE.size))
        file.seek(place)
        found, length, _, _, disk, first_disk, here, count, size, start = _END64.unpack(file.read(_END64.size))
    except (struct.error, OSError, ValueError, OverflowError):
        raise corrupt("a ZIP64 record", "one that is damaged") from None
    if (magic, found) != (b"PK\6\7", b"PK\6\6") or place + 12 + length != end - _END64_PLACE.size:
        raise corrupt("a ZIP64 record", "one that is damaged")
    return place, (disk, first_disk, here, count, size, start)


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    place = 0
    try:
        for _ in range(count):
            fields = _CENTRAL.unpack_from(directory, place)
            magic, _, _, flags, method, _, _, checksum, packed, size = fields[:10]
            name_bytes, extra_bytes, comment_bytes, disk, _, attributes, offset = fields[10:]
            start = place + _CENTRAL.size
            place = start + name_bytes + extra_bytes + comment_bytes
            if magic != CENTRAL or place > len(directory):
                raise corrupt("entries in the central directory", "other bytes")
            name = entry_name(directory[start : start + name_bytes], flags)
            extra = directory[start + name_bytes : start + name_bytes + extra_bytes]
            size, packed, offset = _wide(extra, (size, packed, offset))
            _refuse_coding(name, flags, method, disk)
            yield Entry(name, offset, 0, packed, size, checksum, method == _DEFLATED, attributes >> 16)
    except struct.error:
        raise corrupt("entries in the central directory", "fewer bytes than it states") from None
    if place != len(directory):
        raise corrupt("a central directory of its entries only", "further bytes in it")


def entry_name(written: bytes, flags: int) -> str:
    """The name, which without a word on its encoding is UTF-8 where it can be, else the IBM PC's."""
    try:
        return written.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            shown = written.decode("utf-8", errors="backslashreplace")
            raise refusal("unsafe-entry-name", "expected entry names in UTF-8", entry=shown) from None
        return written.decode("cp437")


def _wide(extra: bytes, numbers: tuple[int, int, int]) -> tuple[int, int, int]:
    """``numbers`` with those that are full taken from the ZIP64 field, in their order."""
    if _FULL32 not in numbers:
        return numbers
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, place)
        if kind == _ZIP64_EXTRA:
            wanted = sum(number == _FULL32 for number in numbers)
            wide = iter(struct.unpack_from(f"<{wanted}Q", extra[: place + 4 + length], place + 4))
            size, packed, offset = (next(wide) if number == _FULL32 else number for number in numbers)
            return size, packed, offset
        place += 4 + length
    raise corrupt("sizes in a ZIP64 field", "none")


def _refuse_coding(name: str, flags: int, method: int, disk: int) -> None:
    if flags & _ENCRYPTED:
        raise corrupt("entries that are not encrypted", "one that is", entry=name)
    if method not in (_STORED, _DEFLATED):
        raise corrupt("stored or deflated entries", f"compression method {method}", entry=name)
    if disk:
        raise corrupt("an archive in one part", "one of several", entry=name)


def _refuse_sizes(entries: Sequence[Entry], limits: IngestLimits) -> None:
    """What the entries state that they unpack to. They are held to it when they are read."""
    for entry in entries:
        if entry.size > limits.entry_bytes:
            detail = f"expected entries of at most {limits.entry_bytes} bytes"
            raise refusal("archive-too-large", detail, entry=entry.name, limit=limits.entry_bytes, actual=entry.size)
        if entry.size > limits.ratio_from_bytes and entry.size > limits.ratio * entry.packed:
            detail = f"expected entries that unpack to at most {limits.ratio} times their size"
            raise refusal("archive-too-large", detail, entry=entry.name, limit=limits.ratio)
    total = sum(entry.size for entry in entries)
    if total > limits.decoded_bytes:
        detail = f"expected entries of at most {limits.decoded_bytes} bytes together once unpacked"
        raise refusal("archive-too-large", detail, limit=limits.decoded_bytes, actual=total)


def _placed(entries: list[Entry], directory: int) -> list[Entry]:
    """The entries with their ends. No byte belongs to two of them, and the first begins with the file."""
    order = sorted(range(len(entries)), key=lambda index: entries[index].place)
    starts = [*(entries[index].place for index in order), directory]
    if starts[0]:
        raise corrupt("an archive from the first byte of the file on", "other bytes before it")
    placed = list(entries)
    for index, (start, end) in zip(order, pairwise(starts), strict=True):
        if start + LOCAL_HEADER.size + entries[index].packed > end:
            detail = "expected entries one behind the other, found some that share bytes"
            raise refusal("archive-too-large", detail, entry=entries[index].name)
        placed[index] = replace(entries[index], end=end)
    return placed


def corrupt(expected: str, found: str, *, entry: str | None = None) -> IngestError:
    return refusal("archive-corrupt", f"expected {expected}, found {found}", entry=entry)
