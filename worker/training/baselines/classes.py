"""Probabilities over all classes of a task, from models that saw only some of them."""

import numpy as np
from numpy.typing import NDArray


def full(probabilities: NDArray[np.float64], seen: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return ``[n, classes]`` from ``probabilities`` ``[n, len(seen)]``: a class that was never seen has none."""
    answer = np.zeros((len(probabilities), classes))
    answer[:, seen] = probabilities
    return answer
