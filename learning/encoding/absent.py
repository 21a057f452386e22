"""Cells that a row's source does not have, as opposed to cells that are empty."""

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

#: By column, the rows whose source does not have it: all (True) or the marked ones ``[n]``.
Absent = Mapping[str, NDArray[np.bool_] | Literal[True]]


def absent_cells(source: NDArray[np.integer], features: Sequence[Collection[str]]) -> Absent:
    """Which cells the rows' sources lack: for each feature that not all have, a mask ``[n]``.

    Args:
        source: ``[n]``, the source of each row; features: of each source, its columns.
    """
    everything = dict.fromkeys(name for own in features for name in own)
    lacking = {name: np.array([name not in own for own in features]) for name in everything}
    return {name: sources[source] for name, sources in lacking.items() if sources.any()}


def part(absent: Absent, start: int, count: int) -> Absent:
    """The same of ``count`` rows from ``start`` on."""
    return {name: rows if rows is True else rows[start : start + count] for name, rows in absent.items()}
