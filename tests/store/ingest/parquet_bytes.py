"""Parquet files, sound and broken, as bytes."""

import io
import struct

import pyarrow as pa
import pyarrow.parquet as pq

WORDS = ["alpha", "beta", "gamma", "delta"] * 50


def parquet(columns: dict | pa.Table, **options) -> bytes:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def plain_words() -> bytes:
    """Strings page by page as length and letters, nothing compressed, no checksum: every byte can be broken alone."""
    return parquet({"word": WORDS}, compression="none", use_dictionary=False, write_statistics=False)


def broken_page() -> bytes:
    content = bytearray(parquet({"x": [float(i) for i in range(1000)]}, compression="zstd", use_dictionary=False))
    content[100:140] = b"\xff" * 40
    return bytes(content)


def wrong_checksum() -> bytes:
    content = bytearray(parquet({"x": [float(i) for i in range(1000)]}, compression="none", write_page_checksum=True))
    content[200] ^= 1
    return bytes(content)


def wrong_length() -> bytes:
    """A string says that it is four gigabytes long."""
    content = plain_words()
    place = content.index(struct.pack("<I", 5) + b"gamma")
    return content[:place] + b"\xff\xff\xff\xff" + content[place + 4 :]


def wrong_text() -> bytes:
    """A string that is no UTF-8: it decodes, and fails the full validation."""
    return plain_words().replace(b"delta", b"del\xff\xfe", 1)


def dictionary_bomb(rows: int = 400_000) -> bytes:
    """A few kilobytes that decode to ``rows`` times 60 kB."""
    codes = pa.array([0] * rows, pa.int8())
    return parquet({"word": pa.DictionaryArray.from_arrays(codes, pa.array(["x" * 60_000]))}, write_statistics=False)


def other_codec() -> bytes:
    """A file whose footer names the codec LZO, which Arrow lacks."""
    content = parquet({"x": [1.0, 2.0]}, compression="snappy", write_statistics=False)
    path, snappy, lzo = (
        b"\x19\x18\x01x",
        b"\x15\x02",
        b"\x15\x06",
    )  # a list of one name, then the codec, as thrift writes them
    assert content.count(path + snappy) == 1
    return content.replace(path + snappy, path + lzo)


def deadly_footer() -> bytes:
    """A footer with a repetition type that does not exist: Arrow ends the process that reads it."""
    content = parquet({"x": [1.0, 2.0]}, compression="snappy", write_statistics=False)
    sound, broken = b"\x25\x02\x18\x01x", b"\x25\x06\x18\x01x"  # the repetition, then the name
    assert content.count(sound) == 1
    return content.replace(sound, broken)


def large_footer(size: int) -> bytes:
    return b"PAR1" + b"\0" * size + struct.pack("<I", size) + b"PAR1"
