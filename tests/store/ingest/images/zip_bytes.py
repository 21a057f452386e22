"""Archives that no tool would write, byte by byte."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

REGULAR, LINK, PIPE, DEVICE = 0o100644, 0o120777, 0o010644, 0o060644


@dataclass(frozen=True)
class Raw:
    """One entry; what is None is what it should be."""

    name: bytes
    data: bytes = b""
    flags: int = 0
    method: int = 8
    mode: int = REGULAR
    size: int | None = None
    checksum: int | None = None
    place: int | None = None
    local_name: bytes | None = None

    @property
    def packed(self) -> bytes:
        if self.method != 8:
            return self.data
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(self.data) + packer.flush()

    @property
    def stated(self) -> tuple[int, int, int]:
        """Checksum, packed size, size."""
        checksum = zlib.crc32(self.data) if self.checksum is None else self.checksum
        return checksum, len(self.packed), len(self.data) if self.size is None else self.size


def local(entry: Raw) -> bytes:
    name = entry.name if entry.local_name is None else entry.local_name
    head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, entry.flags, entry.method, 0, 0, *entry.stated, len(name), 0)
    return head + name + entry.packed


def central(entry: Raw, place: int) -> bytes:
    where = place if entry.place is None else entry.place
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 20 | 3 << 8, 20, entry.flags, entry.method, 0, 0, *entry.stated, len(entry.name), 0, 0,
        0, 0, entry.mode << 16, where,
    )  # fmt: skip
    return head + entry.name


def end(count: int, size: int, start: int) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, start, 0)


def raw_archive(entries: Sequence[Raw], *, wide: bool = False, prefix: bytes = b"") -> bytes:
    """The entries one behind the other and their directory; ``wide``: told in a ZIP64 record."""
    body, directory = prefix, b""
    for entry in entries:
        directory += central(entry, len(body))
        body += local(entry)
    whole = body + directory
    if not wide:
        return whole + end(len(entries), len(directory), len(body))
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, len(entries), len(entries), len(directory), len(body)
    )
    place = struct.pack("<4sLQL", b"PK\6\7", 0, len(whole), 1)
    return whole + record + place + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


def overlapping(data: bytes, count: int = 3) -> bytes:
    """Every entry of the directory is the same bytes: one kernel unpacked many times."""
    first = Raw(b"a/0.png", data)
    shared = [replace(first, name=b"a/%d.png" % i) for i in range(count)]
    directory = b"".join(central(entry, 0) for entry in shared)
    return local(first) + directory + end(count, len(directory), len(local(first)))


def quoted_overlap(data: bytes) -> bytes:
    """The first entry is stored and holds the header and bytes of the second one, which is an entry too."""
    inner = Raw(b"a/1.png", data)
    outer = Raw(b"a/0.png", local(inner), method=0)
    directory = central(outer, 0) + central(inner, len(local(outer)) - len(local(inner)))
    return local(outer) + directory + end(2, len(directory), len(local(outer)))


def crowded(stated: int) -> bytes:
    """A directory that states so many entries in a ZIP64 record, as a real one of so many would."""
    directory = b"".join(central(Raw(b"a/%d" % i, method=0), 0) for i in range(3))
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, stated, stated, len(directory), 4)
    place = struct.pack("<4sLQL", b"PK\6\7", 0, 4 + len(directory), 1)
    return b"PK\3\4" + directory + record + place + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
