"""Which rows of a support are left out together, where each fold costs an adaptation."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: One row at a time up to this many; and where many tasks are checked in one request, so many parts of each.
MOST_FOLDS, MOST_TASKS, FEW_FOLDS = 32, 32, 5


def folds(
    labels: NDArray[np.float64], *, classes: bool, keep_classes: bool, tasks: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the rows to learn from and those left out, so that each row is left out once at most.

    Args:
        labels: ``[n]``, none missing. keep_classes: rows that are alone in their class are never left out: without them
            nothing would be known of it. tasks: how many tasks are checked alike.
    """
    order = np.argsort(labels, kind="stable") if classes else np.arange(len(labels))
    if classes and keep_classes:
        counts = np.bincount(labels.astype(np.int64))
        order = order[counts[labels[order].astype(np.int64)] > 1]
    if len(order) == 0 or len(labels) < 2:
        return
    most = min(len(order), MOST_FOLDS if tasks <= MOST_TASKS else FEW_FOLDS)
    # In turn through the sorted classes: no fold holds two rows of a class that has another elsewhere left.
    of = np.arange(len(order)) % most
    for fold in range(most):
        out = order[of == fold]
        within = np.ones(len(labels), np.bool_)
        within[out] = False
        if len(out) < len(labels):
            yield np.flatnonzero(within), out
