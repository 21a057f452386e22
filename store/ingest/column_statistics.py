"""What API.md says of a column: how many cells are missing and distinct, and how they spread. Also the hash of each cell,
from which whole rows are compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from store.ingest.canonical import plain

TOP = 10
SHOWN_CHARACTERS = 64
RANKED = 1_000  # values of equal count that are ranked by their text
MISSING = np.uint64(0x9E3779B97F4A7C15)
SPREAD = np.uint64(0xBF58476D1CE4E5B9)

Reader = Callable[[], Iterable[pa.Array]]


@dataclass(frozen=True)
class ColumnStatistics:
    """``shown``: the fields for the description; ``hashes`` [rows]: equal for equal cells, missing ones included."""

    shown: dict[str, Any]
    hashes: NDArray[np.uint64]

    @property
    def missing(self) -> int:
        return int(self.shown["missing"])

    @property
    def distinct(self) -> int:
        return int(self.shown["distinct"])


def column_statistics(kind: str, read: Reader) -> ColumnStatistics:
    """Statistics of a canonical column of type ``kind``, whose chunks ``read`` gives (twice, if asked twice)."""
    if kind in ("category", "text"):
        return _of_strings(read, ranked=kind == "category")
    if kind == "boolean":
        return _of_booleans(read)
    if kind == "date":
        return _of_dates(read)
    if kind == "image":
        return _of_images(read)
    return _of_numbers(read)


def _of_numbers(read: Reader) -> ColumnStatistics:
    """``mean`` is the sum over the present cells divided by their number; min, max, mean are None without any."""
    values = [np.asarray(chunk.to_numpy(zero_copy_only=False), dtype=np.float64) for chunk in read()]
    numbers = np.concatenate(values) if len(values) != 1 else values[0]
    absent = np.isnan(numbers)
    present = numbers[~absent] + 0.0  # minus zero is zero
    hashes = _mixed((numbers + 0.0).view(np.uint64), absent)
    missing = len(numbers) - len(present)
    mean = float(present.mean()) if len(present) else None
    present.sort()
    least, most = (float(present[0]), float(present[-1])) if len(present) else (None, None)
    return ColumnStatistics(
        {"missing": missing, "distinct": runs(present), "min": least, "max": most, "mean": mean}, hashes
    )


def _of_dates(read: Reader) -> ColumnStatistics:
    """``min`` and ``max`` in RFC 3339, UTC."""
    chunks = list(read())
    raw = np.concatenate([np.asarray(chunk.cast(pa.int64()).fill_null(0)) for chunk in chunks])
    absent = np.concatenate([np.asarray(chunk.is_null()) for chunk in chunks])
    hashes = _mixed(raw.view(np.uint64), absent)
    present = np.sort(raw[~absent])
    shown = pa.array(present[[0, -1]] if len(present) else [None, None], pa.int64()).cast(pa.timestamp("us"))
    least, most = (plain(value) for value in shown.to_pylist())
    return ColumnStatistics(
        {"missing": int(absent.sum()), "distinct": runs(present), "min": least, "max": most}, hashes
    )


def _of_booleans(read: Reader) -> ColumnStatistics:
    """``mean`` is the share of true among the present cells."""
    chunks = list(read())
    raw = np.concatenate([np.asarray(chunk.fill_null(False)) for chunk in chunks])
    absent = np.concatenate([np.asarray(chunk.is_null()) for chunk in chunks])
    present = raw[~absent]
    mean = float(present.mean()) if len(present) else None
    shown = {"missing": int(absent.sum()), "distinct": len(np.unique(present)), "mean": mean}
    return ColumnStatistics(shown, _mixed(raw.astype(np.uint64), absent))


def _of_images(read: Reader) -> ColumnStatistics:
    """Pictures are distinct when a byte of them differs."""
    hashes = [_key_hashes(chunk) for chunk in read()]
    cells = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)
    return ColumnStatistics({"missing": 0, "distinct": len(np.unique(cells))}, cells)


def _of_strings(read: Reader, *, ranked: bool) -> ColumnStatistics:
    """``top``: the most frequent values, at most ``TOP``, ties by the alphabet; only where ``ranked``."""
    hashes: list[NDArray[np.uint64]] = []
    kept: list[NDArray[np.uint64]] = []
    counts: list[NDArray[np.int64]] = []
    missing = 0
    for chunk in read():
        cells, unique, count = _hashed(chunk)
        missing += chunk.null_count
        hashes.append(cells)
        kept.append(unique)
        counts.append(count)
    values, totals = _merged(np.concatenate(kept), np.concatenate(counts))
    shown: dict[str, Any] = {"missing": missing, "distinct": len(values)}
    if ranked:
        shown["top"] = _top(read, values, totals)
    return ColumnStatistics(shown, np.concatenate(hashes))


def _merged(hashes: NDArray[np.uint64], counts: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The distinct ``hashes`` [m], sorted, and the sums of their ``counts`` [m]."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(ordered) else order
    return ordered[starts], np.add.reduceat(counts[order], starts) if len(ordered) else counts


def _hashed(chunk: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]:
    """Hashes of the cells [n] of a chunk, and of its distinct values [u] with their counts [u]."""
    encoded = chunk.dictionary_encode()
    unique = _key_hashes(encoded.dictionary)
    codes = np.asarray(encoded.indices.fill_null(len(unique)))
    cells = np.append(unique, MISSING)[codes]
    return cells, unique, np.bincount(codes, minlength=len(unique) + 1)[: len(unique)].astype(np.int64)


def _key_hashes(cells: pa.Array) -> NDArray[np.uint64]:
    """Python's own hash of strings and bytes, keyed at random for each process: nobody can write cells that collide."""
    hashes = np.fromiter(map(hash, cells.to_pylist()), dtype=np.int64, count=len(cells))
    return _mixed(hashes.view(np.uint64), np.zeros(len(hashes), dtype=bool))


def _top(read: Reader, hashes: NDArray[np.uint64], totals: NDArray[np.int64]) -> list[str]:
    """The values behind the most frequent of ``hashes`` [u] (sorted), found by reading the column once more."""
    if not len(hashes):
        return []
    place = min(TOP, len(totals))
    least = int(np.partition(totals, -place)[-place])
    above = int((totals > least).sum())  # fewer than TOP; those at ``least`` may be many, and are ranked up to RANKED
    wanted = min(RANKED, int((totals >= least).sum()))
    found: dict[str, int] = {}
    for chunk in read():
        unique = pc.unique(chunk.drop_null())
        counts = totals[np.searchsorted(hashes, _key_hashes(unique))]
        room = RANKED - len(found)
        chosen = np.union1d(np.flatnonzero(counts > least), np.flatnonzero(counts == least)[: max(0, room)])
        found.update(zip(unique.take(pa.array(chosen)).to_pylist(), counts[chosen].tolist(), strict=True))
        if len(found) >= wanted and sum(count > least for count in found.values()) == above:
            break
    ranked = sorted(found, key=lambda value: (-found[value], value))
    return [value[:SHOWN_CHARACTERS] for value in ranked[:TOP]]


def _mixed(bits: NDArray[np.uint64], absent: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """``bits`` [n] spread over all 64 of them, so that sums over columns stay apart; one value for all absent cells."""
    mixed = bits ^ (bits >> np.uint64(31))
    mixed *= SPREAD
    mixed ^= mixed >> np.uint64(29)
    mixed *= MISSING
    mixed ^= mixed >> np.uint64(32)
    mixed[absent] = MISSING
    return mixed


def runs(ordered: NDArray[Any]) -> int:
    """How many different values a sorted array holds."""
    return int((ordered[1:] != ordered[:-1]).sum()) + 1 if len(ordered) else 0
