"""Which side of the split each row is on: a pure function of the seed and of its content, its time or its place."""

from typing import Any

import numpy as np
import numpy.typing as npt

from learning.encoding.cells import Texts
from learning.tables.hashing import Hashes, mix, text_hash

TRAIN, VALIDATION, TEST = 0, 1, 2
SIDES = ("train", "validation", "test")
Sides = npt.NDArray[np.int8]
#: ``[n]`` float64, or int64 microseconds since 1970 in UTC for dates.
Times = npt.NDArray[np.number[Any]]


def sides_by_content(cells: Hashes, content: Hashes, *, validation: float, test: float, seed: int) -> Sides:
    """Sides ``[n] int8`` by the rank of each row's content among the distinct contents of its cell.

    The share of distinct contents on a side is the fraction asked, within half a row; with three distinct contents or
    more, every part whose fraction is not 0 gets one at least. Below that each goes by its own draw.

    Args:
        cells: ``[n]``, rows of one value are divided among themselves (a group, a ``where``).
        content: ``[n]``, equal for rows that must stay together.
    """
    order, draws, opens, distinct = in_drawn_order(cells, content, seed=seed)
    cell = np.cumsum(opens) - 1
    rank = np.cumsum(distinct) - 1
    rank -= rank[opens][cell] if len(rank) else 0
    count = np.bincount(cell, weights=distinct).astype(np.int64)
    tests, validations = parts(count, validation=validation, test=test)
    sorted_sides = np.select([rank < tests[cell], rank < (tests + validations)[cell]], [TEST, VALIDATION], TRAIN)
    few = (count < 3)[cell]
    chance = draws[few] / 2.0**64
    sorted_sides[few] = np.select([chance < test, chance < test + validation], [TEST, VALIDATION], TRAIN)
    sides = np.empty(len(order), dtype=np.int8)
    sides[order] = sorted_sides
    return sides


def in_drawn_order(
    cells: Hashes, content: Hashes, *, seed: int
) -> tuple[npt.NDArray[np.int64], Hashes, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The rows by cell and in each by the seed's draw of their content, as indices ``[n]``.

    With them, in that order: the draws, where a cell opens, and where a content is met for the first time.
    """
    draws = mix(content ^ mix(np.array([seed], dtype=np.uint64)))
    order = np.lexsort((draws, cells))
    cells, draws = cells[order], draws[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = cells[1:] != cells[:-1]
    distinct = opens.copy()
    distinct[1:] |= draws[1:] != draws[:-1]
    return order, draws, opens, distinct


def parts(
    count: npt.NDArray[np.int64], *, validation: float, test: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many of each cell's ``count`` distinct contents are tested and validated on, one at least for training."""
    least_test, least_validation = int(test > 0), int(validation > 0)
    tests = np.clip(np.rint(count * test), least_test, np.maximum(count - 1 - least_validation, least_test))
    left = np.maximum(count - tests - 1, least_validation)
    validations = np.clip(np.rint(count * validation), least_validation, left)
    return tests.astype(np.int64), validations.astype(np.int64)


def sides_by_column(
    named: Texts, cells: Hashes, content: Hashes, rows: npt.NDArray[np.int64], *, validation: float, seed: int
) -> Sides:
    """Sides of ``rows`` ``[n]`` as the column names them; without any for validation, that share of train is cut off.

    ``named`` covers the whole dataset, whose every value is one of SIDES; ``cells`` and ``content`` are ``[n]``.
    """
    side_of = np.array([SIDES.index(value) for value in named.values], dtype=np.int8)
    sides = side_of[named.codes[rows]]
    train = sides == TRAIN
    if not (sides == VALIDATION).any() and train.any():
        sides[train] = sides_by_content(cells[train], content[train], validation=validation, test=0.0, seed=seed)
    return sides


def cluster_hashes(texts: Texts) -> Hashes:
    """A hash per row of its cluster's name; all rows without one are one cluster. ``[n]``"""
    names = np.array([*(text_hash(value) for value in texts.values), text_hash("\0missing")], dtype=np.uint64)
    hashes: Hashes = names[texts.codes]
    return hashes


def sides_by_cluster(
    clusters: Hashes, cells: Hashes, *, validation: float, test: float, seed: int
) -> tuple[Sides, npt.NDArray[np.int64]]:
    """Sides ``[n]`` that keep each cluster whole, and the rows' cluster ids ``[n] int64`` from 0.

    ``cells`` ``[n]``: the clusters of one value are divided among themselves.
    """
    distinct, first, cluster = np.unique(clusters, return_index=True, return_inverse=True)
    sides = sides_by_content(cells[first], distinct, validation=validation, test=test, seed=seed)
    return sides[cluster], cluster.astype(np.int64)


def block_hashes(rows: npt.NDArray[np.int64], dataset: Hashes, *, size: int) -> Hashes:
    """A hash per row ``[n]`` of the run of ``size`` rows of its dataset that it stands in."""
    return mix((rows // size).astype(np.uint64) ^ mix(dataset))


def sides_by_time(times: Times, *, test_from: Any, validation_from: Any | None, validation: float) -> Sides:
    """Sides ``[n]`` in the order of time: train, then validation, then from ``test_from`` on test.

    Without ``validation_from`` the last of the rows before the test, the share ``validation`` of them, are for
    validation. Rows of one time are never divided, so the share holds as nearly as they allow, one time at least on
    either side; a single time before the test is for training.
    """
    test = times >= test_from
    if validation_from is None:
        earlier = np.sort(times[~test])
        validation_from = _border(earlier, share=validation, otherwise=test_from)
    sides = np.select([test, times >= validation_from], [TEST, VALIDATION], TRAIN)
    return sides.astype(np.int8)


def _border(earlier: Times, *, share: float, otherwise: Any) -> Any:
    """The time among the sorted ones where validation begins; ``otherwise`` where there is no second time."""
    later = earlier[earlier > earlier[0]] if len(earlier) else earlier
    if not len(later):
        return otherwise
    first = min(int(np.rint(len(earlier) * (1 - share))), len(earlier) - 1)
    return max(earlier[first], later[0])
