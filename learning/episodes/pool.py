"""The classes or tasks of one side of the split, as rows that an episode can be drawn from without a loop over them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Units:
    """What episodes are made of before it is divided: classes, or tasks, with the rows of each.

    names: sorted. codes: ``[n]``, the unit of each row of the dataset, −1 for a row of none. labels: ``[n]``, of tasks
    the target, NaN where missing; None where the unit is the label.
    """

    names: tuple[str, ...]
    codes: Ints
    labels: npt.NDArray[np.float64] | None


@dataclass(frozen=True, eq=False, slots=True)
class Pool:
    """U units: unit u has the rows ``rows[starts[u] : starts[u] + counts[u]]`` of the dataset.

    units: ``[U]``, their places among all units. rows: ``[m]``. starts, counts: ``[U]``.
    first: ``[U, K + 1]``, where each of K classes begins within a task's rows; None where rows are not sorted by class.
    """

    units: Ints
    rows: Ints
    starts: Ints
    counts: Ints
    first: Ints | None = None

    def __len__(self) -> int:
        return len(self.units)


def pool(units: Units, member: npt.NDArray[np.bool_], *, least: int, classes: int | None) -> Pool:
    """Return those units of ``member`` ``[U]`` that have at least ``least`` rows.

    Args:
        classes: the number of classes of which a task must have a row each, None where none is asked for.
    """
    usable = (units.codes >= 0) & member[units.codes]
    if units.labels is not None:
        usable &= ~np.isnan(units.labels)
    rows = np.flatnonzero(usable)
    by_class = np.zeros(len(rows)) if classes is None or units.labels is None else units.labels[rows]
    rows = rows[np.lexsort((by_class, units.codes[rows]))]
    counts = np.bincount(units.codes[rows], minlength=len(units.names))
    enough = member & (counts >= least)
    sizes = None
    if classes is not None and units.labels is not None:
        cell = units.codes[rows] * classes + units.labels[rows].astype(np.int64)
        sizes = np.bincount(cell, minlength=len(units.names) * classes).reshape(-1, classes)
        enough &= (sizes > 0).all(axis=1)
    kept = np.flatnonzero(enough)
    starts = np.cumsum(counts) - counts
    first = None if sizes is None else np.pad(np.cumsum(sizes[kept], axis=1), ((0, 0), (1, 0)))
    return Pool(kept, rows, starts[kept], counts[kept], first)
