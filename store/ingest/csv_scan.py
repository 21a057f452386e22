"""The bytes of a CSV file before anyone parses them: encoding, NUL, quotes. Reads the file once, a block at a time."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from store.ingest.errors import refusal

BLOCK = 4 * 1024**2
QUOTE, DELIMITERS_END = ord('"'), (ord("\n"), ord("\r"))


@dataclass(frozen=True)
class Scan:
    """``quoted``: the file has quotes. ``regular``: each of them opens a cell, closes one, or is doubled inside one."""

    quoted: bool
    regular: bool


def blocks(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(BLOCK):
        yield block


def scan(path: Path, *, start: int, delimiter: str) -> Scan:
    """What the bytes from ``start`` on are like.

    Raises:
        IngestError: 422 ``encoding-invalid`` with the offset of the first byte that is no UTF-8, or ``invalid-character``
            with the place of the first NUL.
    """
    quotes = _Quotes(delimiter)
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = start
    ascii_so_far = True  # then the decoder holds nothing back
    with path.open("rb") as file:
        file.seek(start)
        for block in blocks(file):
            if b"\0" in block:
                _refuse_nul(path, offset + block.index(b"\0"), delimiter)
            if not (ascii_so_far and block.isascii()):
                held = len(decoder.getstate()[0])
                ascii_so_far = _decoded(decoder, block, offset - held, final=False)
            quotes.add(block)
            offset += len(block)
    held = len(decoder.getstate()[0])
    _decoded(decoder, b"", offset - held, final=True)
    return Scan(quotes.seen, quotes.regular and not quotes.open)


def _decoded(decoder: codecs.IncrementalDecoder, block: bytes, offset: int, *, final: bool) -> bool:
    """Whether nothing is left in ``decoder`` after ``block``, which with what was left before begins at ``offset``."""
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        detail = "expected UTF-8 (or the charset that the Content-Type names), found a byte that is not"
        place = offset + error.start
        raise refusal(
            "encoding-invalid", detail, byte_offset=place, actual=f"0x{error.object[error.start]:02x}"
        ) from None
    return not decoder.getstate()[0]


def _refuse_nul(path: Path, offset: int, delimiter: str) -> None:
    """Counts line ends before the NUL; inside quoted cells they count too, so the row is exact where there are none."""
    lines, cell, last = 0, 0, b""
    with path.open("rb") as file:
        left = offset
        while left and (block := file.read(min(BLOCK, left))):
            lines += block.count(b"\n") or block.count(b"\r")
            end = max(block.rfind(b"\n"), block.rfind(b"\r"))
            cell = block.count(delimiter.encode(), end + 1) + (0 if end >= 0 else cell)
            last = block
            left -= len(block)
    detail = f"expected text, found a NUL in cell {cell + 1}" if last or offset == 0 else "expected text, found a NUL"
    raise refusal("invalid-character", detail, row=lines or None, byte_offset=offset, actual="\\x00")


class _Quotes:
    """Follows quotes over blocks by parity: an odd one must open a cell or be the second of a pair, an even one close it."""

    def __init__(self, delimiter: str) -> None:
        self.seen = False
        self.regular = True
        self.open = False
        self._edges = np.zeros(256, dtype=bool)  # what may stand before an opening and after a closing quote
        self._edges[[ord(delimiter), *DELIMITERS_END, QUOTE]] = True
        self._before = ord("\n")
        self._closed_last = False  # the block before ended with a closing quote: what follows decides

    def add(self, block: bytes) -> None:
        if self._closed_last:
            self.regular = self.regular and bool(self._edges[block[0]])
            self._closed_last = False
        if b'"' in block:
            self._follow(np.frombuffer(block, dtype=np.uint8))
        self._before = block[-1]

    def _follow(self, letters: "np.typing.NDArray[np.uint8]") -> None:
        self.seen = True
        places = np.flatnonzero(letters == QUOTE)
        opening, closing = places[int(self.open) :: 2], places[1 - int(self.open) :: 2]
        self.open ^= bool(len(places) % 2)
        before = letters[np.maximum(opening - 1, 0)]
        if len(opening) and opening[0] == 0:
            before = np.concatenate([np.array([self._before], dtype=np.uint8), before[1:]])
        if len(closing) and closing[-1] == len(letters) - 1:
            self._closed_last = True
            closing = closing[:-1]
        after = letters[closing + 1]
        self.regular = self.regular and bool(self._edges[before].all() and self._edges[after].all())
