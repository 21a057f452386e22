"""What an image file says of itself, read from its bytes before anybody decodes it: format, size, where it ends.

Pillow reads the same again; it is asked only about files that this page has passed, so that neither a name nor a small
file of a huge picture leads it anywhere. PNG (W3C, third edition), JPEG (ITU-T T.81, annex B), BMP and WebP (RFC 9649).
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG, JPEG, BMP, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"WEBP"
FORMATS = "PNG, JPEG, BMP or WebP"
# a marker inside or behind compressed data: not a stuffed zero, not a restart, not a fill byte
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15, without DHT, JPG and DAC
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = {0x01, *range(0xD0, 0xD8), _END_OF_IMAGE}  # markers without a length
_JFIF, _EXIF, _ADOBE = 0xE0, 0xE1, 0xEE  # APP0, APP1 and APP14: of the last, how colours are coded
_ASIDE = {*range(0xE0, 0xF0), 0xFE} - {_JFIF, _ADOBE}  # whatever else applications, and people, say
_TABLES = {0xC4, 0xCC, 0xDB, 0xDC, 0xDD}  # DHT, DAC, DQT, DNL and DRI
_MARKERS = _FRAMES | _ALONE | _TABLES | _ASIDE | {_JFIF, _ADOBE, _START_OF_SCAN}
_MOST_SCANS = 64  # each goes over all pixels again; what encoders write has a dozen
_TEXTS = {b"tEXt", b"zTXt", b"iTXt", b"iCCP"}  # of PNG: words and colour profiles, mostly deflated


class BadImage(Exception):
    """The bytes are no image that is taken. ``code``: ``image-format-not-allowed``, ``image-corrupt``,
    ``image-too-large`` or ``image-too-small``; ``detail``: what was expected and what was found."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Header:
    """``width`` and ``height`` in pixels as stored, before any rotation; ``exif``: what a PNG or JPEG holds of it, else
    None; ``aside``: where those bytes stand, begin and end of each, that say nothing of the pixels."""

    format: str
    width: int
    height: int
    exif: bytes | None = None
    aside: tuple[tuple[int, int], ...] = ()

    def bare(self, data: bytes) -> bytes:
        """The file without what stands aside: text that unpacks to a thousand times its size, EXIF of ten thousand tags."""
        starts = (0, *(end for _, end in self.aside))
        ends = (*(start for start, _ in self.aside), len(data))
        return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True)) if self.aside else data


def read_header(data: bytes) -> Header:
    """The header of one image file that holds one still image and nothing behind it.

    Raises:
        BadImage: another format by its content, an animation, bytes behind the image (a file of two formats at once), or
            a structure that is cut or wrong.
    """
    try:
        if data.startswith(PNG):
            header, end = _png(data)
        elif data.startswith(JPEG):
            header, end = _jpeg(data)
        elif data.startswith(BMP):
            header, end = _bmp(data)
        elif data[:4] == b"RIFF" and data[8:12] == WEBP:
            header, end = _webp(data)
        else:
            raise BadImage("image-format-not-allowed", f"expected {FORMATS} by its content, found something else")
    except (struct.error, IndexError):
        raise _cut() from None
    rest = data[end:]
    if rest.strip(b"\0") and not (header.format == "JPEG" and rest.startswith(JPEG)):  # cameras append further views
        detail = f"expected one image and nothing else, found {len(rest)} bytes behind the end of the {header.format}"
        raise BadImage("image-format-not-allowed", detail)
    return header


def _png(data: bytes) -> tuple[Header, int]:
    """Chunks of length, type, data and checksum, from IHDR to IEND."""
    width, height = struct.unpack_from(">II", data, 16)
    place, exif, aside = len(PNG), None, []
    while True:
        length, kind = struct.unpack_from(">I4s", data, place)
        body, place = place + 8, place + 12 + length
        if place > len(data):
            raise _cut()
        if zlib.crc32(data[body - 4 : place - 4]) != struct.unpack_from(">I", data, place - 4)[0]:
            raise BadImage("image-corrupt", "expected PNG chunks with their checksums, found one that differs")
        if kind == b"acTL":
            raise _moving("PNG")
        if kind == b"eXIf":
            exif = data[body : body + length]
        if kind in _TEXTS:
            aside.append((body - 8, place))
        if kind == b"IEND":
            return Header("PNG", width, height, exif, tuple(aside)), place


def _jpeg(data: bytes) -> tuple[Header, int]:
    size, exif, aside, end = None, None, [], 0
    for marker, start, end in _segments(data):
        body = start + 4
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, body + 1)
            size = width, height
        elif marker in _ASIDE:
            if marker == _EXIF and exif is None and data.startswith(b"Exif\0\0", body):
                exif = data[body:end]
            aside.append((start, end))
    if size is None:
        raise BadImage("image-corrupt", "expected a JPEG frame, found none")
    return Header("JPEG", *size, exif, tuple(aside)), end


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, begin and end of every segment of a JPEG up to its end; of a scan with the compressed data behind it."""
    place, scans = 2, 0
    while True:
        while data[place] == 0xFF and data[place + 1] == 0xFF:  # fill bytes
            place += 1
        marker, start, place = data[place + 1], place, place + 2
        if data[start] != 0xFF or marker not in _MARKERS:
            raise BadImage("image-corrupt", "expected a JPEG marker, found other bytes")
        if marker not in _ALONE:
            place += max(2, struct.unpack_from(">H", data, place)[0])
        if marker == _START_OF_SCAN:
            scans += 1
            place = _behind_scan(data, place, scans)
        yield marker, start, place
        if marker == _END_OF_IMAGE:
            return


def _behind_scan(data: bytes, place: int, scans: int) -> int:
    if scans > _MOST_SCANS:
        raise BadImage("image-corrupt", f"expected a JPEG of at most {_MOST_SCANS} scans, found more")
    found = _MARKER.search(data, place)
    if found is None:
        raise _cut()
    return found.start()


def _bmp(data: bytes) -> tuple[Header, int]:
    stated, kind = struct.unpack_from("<I", data, 2)[0], struct.unpack_from("<I", data, 14)[0]
    width, height = struct.unpack_from("<HH" if kind == 12 else "<ii", data, 18)
    # some writers state no size, or a wrong one; a negative height is a picture from top to bottom
    end = stated if 26 <= stated <= len(data) else len(data)
    return Header("BMP", width, abs(height)), end


def _webp(data: bytes) -> tuple[Header, int]:
    size = struct.unpack_from("<I", data, 4)[0]
    end = 8 + size + size % 2
    kind = data[12:16]
    if 8 + size > len(data):
        raise _cut()
    if kind == b"VP8X":
        if data[20] & 0x02:
            raise _moving("WebP")
        width, height = (1 + int.from_bytes(data[place : place + 3], "little") for place in (24, 27))
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise BadImage("image-corrupt", "expected a WebP picture, found another kind of chunk")
    return Header("WebP", width, height), min(end, len(data))


def _cut() -> BadImage:
    return BadImage("image-corrupt", "expected a whole image, found one that is cut")


def _moving(name: str) -> BadImage:
    return BadImage("image-format-not-allowed", f"expected a still image, found an animated {name}")
