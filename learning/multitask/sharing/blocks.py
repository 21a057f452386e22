"""Rows of many groups as blocks of equal size, so that networks of the groups compute side by side."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Blocks:
    """Row i lies at ``place[i]`` of block ``block[i]``, both ``[n]``; a block holds at most ``size`` rows of ``group[b]``."""

    group: NDArray[np.int64]
    block: NDArray[np.int64]
    place: NDArray[np.int64]
    size: int


def blocks(group: NDArray[np.int64]) -> Blocks:
    """Cut rows with these groups ``[n]`` into blocks.

    A block is as large as the mean group, and a large group has several: there are at most twice as many as groups, so
    that the empty places are never more than the rows and the groups together, however uneven the groups are.
    """
    present, of, counts = np.unique(group, return_inverse=True, return_counts=True)
    size = -(-len(group) // max(1, len(present)))
    parts = -(-counts // max(1, size))
    rank = np.empty(len(group), np.int64)
    rank[np.argsort(of, kind="stable")] = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    block = (np.cumsum(parts) - parts)[of] + rank // max(1, size)
    return Blocks(np.repeat(present, parts), block, rank % max(1, size), size)
