"""The rows of a plan as arrays: features, labels per slot, head per row, side of the split."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from learning.tables import Table

__all__ = ["Examples", "Table"]

TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Examples:
    """n labelled rows and J slots.

    ``features``  the union of the sources' feature columns, null where a source lacks one.
    ``source``    ``[n] int32``, index into ``Plan.sources``.
    ``row``       ``[n] int64``, row of the source's dataset.
    ``group``     ``[n] int32``, the head of the row; -1: the mean head.
    ``labels``    ``[n, J] float64``: NaN unlabelled, a class index, or the target in its own units.
    ``split``     ``[n] int8``: 0 train, 1 validation, 2 test.
    ``cluster``   ``[n] int64``, the ``split.group`` value of the row, null for other splits.
    ``task_of``   ``[n, J] int32``, index into ``Plan.tasks``; -1 where there is no label.
    """

    features: pa.Table
    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]
    group: npt.NDArray[np.int32]
    labels: npt.NDArray[np.float64]
    split: npt.NDArray[np.int8]
    cluster: npt.NDArray[np.int64] | None
    task_of: npt.NDArray[np.int32]
