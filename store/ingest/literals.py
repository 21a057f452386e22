"""Text as numbers, booleans and dates: whole batches at once, and cell by cell only where some cells refuse."""

import re

import pyarrow as pa
import pyarrow.compute as pc

from store.ingest.canonical import STORAGE

TRUE = pa.array(["true", "yes"])
FALSE = pa.array(["false", "no"])
ZONED = r"[T ][0-9:.]+(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ]|$)"
LOOKS_ISO = re.compile(ISO_DAY)


def numbers(cells: pa.Array, decimal: str) -> pa.Array | None:
    """All of ``cells`` as doubles, or None when one of them is no number. A NaN stays one, an overflow is an infinity."""
    if decimal == ",":
        if pc.any(pc.match_substring(cells, ".")).as_py():
            return None
        cells = pc.replace_substring(cells, ",", ".")
    try:
        return pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None


def numbers_where_possible(cells: pa.Array, decimal: str) -> pa.Array:
    if (values := numbers(cells, decimal)) is not None:
        return values
    # Looked at by pattern only after the parser refused some: what passes here, the parser takes.
    mark = "," if decimal == "," else "[.]"
    pattern = rf"(?i)^([+-]?([0-9]+({mark}[0-9]*)?|{mark}[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity|nan))$"
    numeric = pc.match_substring_regex(cells, pattern)
    kept = pc.if_else(numeric, cells, pa.scalar(None, cells.type))
    values = numbers(kept, decimal)
    return pa.nulls(len(cells), pa.float64()) if values is None else values


def dates(cells: pa.Array) -> pa.Array | None:
    """All of ``cells`` as UTC times without a zone, or None when one of them is no ISO 8601 date."""
    first = pc.first(cells).as_py()
    if first is not None and not LOOKS_ISO.match(first):  # spares the patterns below, which are dear
        return None
    try:
        return pc.cast(cells, STORAGE["date"])
    except pa.ArrowInvalid:
        pass
    zoned = pc.match_substring_regex(cells, ZONED)
    if not pc.any(zoned).as_py():
        return None
    nothing = pa.scalar(None, pa.string())
    try:
        moments = pc.cast(pc.if_else(zoned, cells, nothing), pa.timestamp("us", "UTC"))
        local = pc.cast(pc.if_else(zoned, nothing, cells), STORAGE["date"])
    except pa.ArrowInvalid:
        return None
    return pc.coalesce(moments.cast(STORAGE["date"]), local)


def dates_where_possible(cells: pa.Array) -> pa.Array:
    """As ``dates``, with a missing value where a cell is no ISO 8601 date."""
    if (values := dates(cells)) is not None:
        return values
    encoded = cells.dictionary_encode()
    unique = encoded.dictionary
    shaped = pc.match_substring_regex(unique, ISO_DAY)
    values = pa.nulls(len(unique), STORAGE["date"])
    if pc.any(shaped).as_py():
        values = pc.replace_with_mask(values, shaped, pa.concat_arrays(_dates_by_halves(unique.filter(shaped))))
    return values.take(encoded.indices)


def _dates_by_halves(cells: pa.Array) -> list[pa.Array]:
    """The dates of ``cells`` [n], in pieces: a piece that will not parse is halved until the cell at fault stands alone."""
    if (values := dates(cells)) is not None:
        return [values]
    if len(cells) == 1:
        return [pa.nulls(1, STORAGE["date"])]
    half = len(cells) // 2
    return _dates_by_halves(cells.slice(0, half)) + _dates_by_halves(cells.slice(half))


def booleans_where_possible(cells: pa.Array) -> pa.Array:
    """True and false for the words of ``TRUE`` and ``FALSE`` in any case, missing elsewhere."""
    folded = pc.utf8_lower(cells)
    true = pc.is_in(folded, TRUE)
    return pc.if_else(pc.or_(true, pc.is_in(folded, FALSE)), true, pa.scalar(None, pa.bool_()))


def without_blanks(cells: pa.Array) -> pa.Array:
    """``cells`` as they are, but white space alone is a missing cell."""
    blank = pc.equal(pc.utf8_trim_whitespace(cells), "")
    return pc.if_else(blank, pa.scalar(None, cells.type), cells) if pc.any(blank).as_py() else cells


def without_nan(values: pa.Array) -> pa.Array:
    nan = pc.is_nan(values)
    return pc.if_else(nan, pa.scalar(None, values.type), values) if pc.any(nan).as_py() else values
