"""CSV as batches of text cells. Arrow splits the cells; what may be in them is checked before and after it does."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from store.ingest.csv_diagnosis import diagnose
from store.ingest.csv_scan import blocks, scan
from store.ingest.errors import refusal
from store.ingest.images.column import ImageShape
from store.ingest.limits import CHARSETS, IngestLimits, IngestOptions
from store.ingest.names import checked_names
from store.ingest.text_cells import TextCells

HEADER_BYTES = 1024**2
ROW_BYTES = 1024**2  # one block of Arrow's reader, which must hold a row; it reads up to 32 of them ahead
BATCH_BYTES = 4 * 1024**2
UTF8_BOM = codecs.BOM_UTF8
DELIMITERS = {";": ";", "\t": "tab", ",": ",", "|": "|"}


class CsvFile:
    """A CSV file whose header has been read and whose bytes are known to be text.

    A first line of names is required. Blank lines are skipped, and rows are counted without them. Line ends are LF, CRLF
    or CR. White space alone is a missing cell; otherwise cells of text keep theirs. A delimiter at the end of every line,
    the header's too, is a column that is not there.
    """

    def __init__(self, path: Path, options: IngestOptions, limits: IngestLimits) -> None:
        self._path, self._options, self._limits = path, options, limits
        start = _text_start(path)
        written, self._body = _header(path, start, options.delimiter)
        found = scan(path, start=start, delimiter=options.delimiter)
        _refuse_wrong_delimiter(written, options.delimiter)
        self._trailing = len(written) > 1 and not written[-1].strip()
        self.names = checked_names(written[:-1] if self._trailing else written, limits)
        self._width = len(written)
        self._quoted = found.quoted
        if not found.regular:
            self._refuse_broken()
        detail = "every line ends with a delimiter; the nameless column behind it is left out"
        self.images: dict[str, ImageShape] = {}
        self.warnings = [{"code": "trailing-delimiter", "detail": detail, "pointer": ""}] if self._trailing else []

    def batches(self) -> Iterator[list[TextCells]]:
        """The rows in order, a few megabytes at a time.

        Raises:
            IngestError: 422 for a row or cell that does not fit.
        """
        first_row = 1
        for batch in _gathered(self._parsed()):
            columns = batch.columns
            if self._trailing and columns.pop().null_count < batch.num_rows:
                detail = "expected a column name that is not empty, found none above cells that are not empty either"
                raise refusal("invalid-column-name", detail, actual=self._width)
            yield [
                TextCells(
                    name, column, first_row=first_row, decimal=self._options.decimal, cell_bytes=self._limits.cell_bytes
                )
                for name, column in zip(self.names, columns, strict=True)
            ]
            first_row += batch.num_rows

    def _parsed(self) -> Iterator[pa.RecordBatch]:
        indexes = [str(index) for index in range(self._width)]
        if self._body >= self._path.stat().st_size:
            return
        with pa.OSFile(str(self._path)) as file:
            file.seek(self._body)
            try:
                yield from arrow_csv.open_csv(
                    file,
                    read_options=arrow_csv.ReadOptions(column_names=indexes, block_size=ROW_BYTES),
                    parse_options=arrow_csv.ParseOptions(
                        delimiter=self._options.delimiter, newlines_in_values=self._quoted
                    ),
                    convert_options=arrow_csv.ConvertOptions(
                        column_types=dict.fromkeys(indexes, pa.string()),
                        strings_can_be_null=True,
                        null_values=self._options.null_values,
                        check_utf8=False,  # the scan did
                    ),
                )
            except pa.ArrowInvalid as error:
                if "Empty CSV" in str(error):  # nothing but blank lines below the header
                    return
                self._refuse_broken()
                detail = f"expected rows of at most {ROW_BYTES} bytes, found one that is longer"
                raise refusal("cell-too-large", detail, limit=ROW_BYTES) from None

    def _refuse_broken(self) -> None:
        where = diagnose(
            self._path, start=self._body, columns=self._width, delimiter=self._options.delimiter, limits=self._limits
        )
        if where is not None:
            raise where


def _gathered(parsed: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of about ``BATCH_BYTES``: what is done for each column of each batch is then worth it."""
    pending: list[pa.RecordBatch] = []
    size = 0
    for batch in parsed:
        pending.append(batch)
        size += batch.nbytes
        if size >= BATCH_BYTES:
            yield pa.concat_batches(pending)
            pending, size = [], 0
    if pending:
        yield pa.concat_batches(pending)


def as_utf8(path: Path, charset: str, scratch: Path) -> Path:
    """``path`` itself when it is UTF-8, else its text in UTF-8 at ``scratch``.

    Raises:
        IngestError: 415 ``unsupported-media-type`` for a charset that is not offered; 422 ``encoding-invalid``.
    """
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        name = charset
    known = {codecs.lookup(offered).name for offered in CHARSETS}
    if name not in known:
        detail = f"expected a charset out of {', '.join(sorted(CHARSETS))}"
        raise refusal("unsupported-media-type", detail, status=415, actual=charset)
    if name in ("utf-8", "ascii"):
        return path
    decoder = codecs.getincrementaldecoder(name)()
    offset = 0
    with path.open("rb") as file, scratch.open("wb") as copy:
        try:
            for block in blocks(file):
                copy.write(decoder.decode(block).encode())
                offset += len(block)
            copy.write(decoder.decode(b"", True).encode())
        except UnicodeError:
            detail = f"expected {charset}, found bytes that are not"
            raise refusal("encoding-invalid", detail, byte_offset=offset) from None
    return scratch


def _text_start(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise refusal("empty-file", "expected a header line and rows, found no bytes")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        detail = "expected UTF-8 (or a Content-Type with charset=utf-16), found the byte order mark of UTF-16"
        raise refusal("encoding-invalid", detail, byte_offset=0)
    return len(UTF8_BOM) if head.startswith(UTF8_BOM) else 0


def _header(path: Path, start: int, delimiter: str) -> tuple[list[str], int]:
    """The names as written in the first line that is not blank, and the offset of the byte after that line."""
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(HEADER_BYTES)
    whole = len(head) < HEADER_BYTES
    text = head.decode("utf-8", errors="surrogateescape")  # the scan that follows names the wrong byte
    lines = _Counted(io.StringIO(text, newline=""))
    csv.field_size_limit(HEADER_BYTES)
    try:
        names = next((row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row), None)
    except csv.Error:
        raise refusal("unterminated-quote", "expected a header line whose quotes are closed", row=0) from None
    if not whole and lines.characters >= len(text):
        detail = f"expected a header line of at most {HEADER_BYTES} bytes"
        raise refusal("too-many-columns", detail, limit=HEADER_BYTES)
    if names is None:
        raise refusal("empty-file", "expected a header line and rows, found only blank lines")
    return names, start + len(text[: lines.characters].encode("utf-8", errors="surrogateescape"))


class _Counted:
    """Lines, and how many characters of them were given out."""

    def __init__(self, lines: io.StringIO) -> None:
        self._lines = lines
        self.characters = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.characters += len(line)
            yield line


def _refuse_wrong_delimiter(written: list[str], delimiter: str) -> None:
    if len(written) > 1:
        return
    for other, shown in DELIMITERS.items():
        if other != delimiter and other in written[0]:
            detail = f"expected columns separated by {DELIMITERS.get(delimiter, delimiter)!r}, found one column; is it {shown}?"
            raise refusal("single-column", detail, column=written[0], actual=shown)
