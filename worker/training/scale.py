"""The scale on which a regression's labels are learned: by the shared model and by its rivals alike."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from learning.encoding import CLIP, moments


@dataclass(frozen=True, slots=True)
class Scale:
    """Targets are learned standardised by the mean and deviation of the training rows; (0, 1) leaves classes as they are."""

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, labels: NDArray[np.float64]) -> Self:
        """Return the scale of these training labels ``[n]``; labels that are all equal keep their unit."""
        if not len(labels):
            return cls()
        mean, deviation = moments(labels)
        return cls(mean, deviation or 1.0)

    def forth(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return raw labels ``[m]`` as they are learned, clipped: see `standardised`."""
        return standardised(labels, self.mean, self.deviation)

    def back(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return learned values ``[m]`` in raw units."""
        return outputs * self.deviation + self.mean


def standardised(
    labels: NDArray[np.float64], mean: float | NDArray[np.float64], deviation: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return (labels − mean) / deviation within ± `CLIP`, all ``[m]``.

    One value far outside the training rows, as only a validation or test row can hold, would leave float32 with its
    square and take every sound row's loss along.
    """
    with np.errstate(over="ignore"):
        z: NDArray[np.float64] = np.clip((labels - mean) / deviation, -CLIP, CLIP)
    return z
