"""The encoded features as scikit-learn reads them: one-hot for linear models, category codes for trees."""

from dataclasses import dataclass
from math import prod
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from learning.encoding import Encoded
from learning.tasks import ImageShape

#: One-hot columns beyond this many are kept sparse.
_MOST_DENSE = 256
#: The longest side of an image that linear models and trees read.
MOST_SIDE = 8
#: The most categories that a histogram tree splits as such.
MOST_TREE_CATEGORIES = 254


def shrunk(encoded: Encoded, image: ImageShape | None) -> Encoded:
    """The rows as the rivals of scikit-learn read them: images averaged down to at most 8 × 8 in each channel.

    Thousands of pixels would take such a model hours; what it makes of so many numbers is what a user would try first.
    The averages are over boxes of pixels as equal in size as can be.
    """
    if image is None or max(image[1:]) <= MOST_SIDE:
        return encoded
    n, pixels = len(encoded), prod(image)
    planes: NDArray[np.float32] = encoded.numeric[:, :pixels].reshape(n, *image)
    for axis in (2, 3):
        side = planes.shape[axis]
        starts = np.arange(min(side, MOST_SIDE)) * side // min(side, MOST_SIDE)
        counts = np.diff(starts, append=side).astype(np.float32)
        sums = np.add.reduceat(planes, starts, axis=axis)
        planes = (sums / (counts if axis == 3 else counts[:, None])).astype(np.float32, copy=False)
    return Encoded(np.hstack([planes.reshape(n, -1), encoded.numeric[:, pixels:]]), encoded.category)


@dataclass(frozen=True, eq=False)
class OneHot:
    """Numbers beside a 0/1 column per category that occurs in the training rows; others are all zeros.

    known: for each category column, its categories in the training rows, ascending.
    """

    known: tuple[NDArray[np.int64], ...]

    @classmethod
    def fit(cls, category: NDArray[np.int64]) -> Self:
        """Args: ``category`` ``[n, q]`` of the training rows."""
        return cls(tuple(np.unique(column) for column in category.T))

    def __call__(self, numeric: NDArray[np.float32], category: NDArray[np.int64]) -> Any:
        """Return ``[n, p + Σ categories]`` float64, a CSR matrix where it is wide."""
        numbers = numeric.astype(np.float64)
        blocks = [self._block(index, column) for index, column in enumerate(category.T)]
        if not blocks:
            return numbers
        if sum(len(known) for known in self.known) <= _MOST_DENSE:
            return np.hstack([numbers, *(block.toarray() for block in blocks)])
        return sparse.hstack([sparse.csr_array(numbers), *blocks], format="csr")

    def _block(self, index: int, column: NDArray[np.int64]) -> Any:
        known = self.known[index]
        place = np.minimum(np.searchsorted(known, column), max(len(known) - 1, 0))
        hit = np.flatnonzero(known[place] == column) if len(known) else np.empty(0, np.int64)
        return sparse.csr_array((np.ones(len(hit)), (hit, place[hit])), shape=(len(column), len(known)))


@dataclass(frozen=True, eq=False)
class Codes:
    """Numbers beside category codes; a column with too many categories for a tree is read as a number.

    The encoding numbers categories by how often they occur, so that such a number is not without meaning.
    categorical: ``[p + q]``, which columns are categories.
    """

    categorical: NDArray[np.bool_]

    @classmethod
    def fit(cls, numeric: NDArray[np.float32], category: NDArray[np.int64]) -> Self:
        """Args: the training rows, ``[n, p]`` and ``[n, q]``."""
        few = [len(np.unique(column)) <= MOST_TREE_CATEGORIES for column in category.T]
        return cls(np.array([False] * numeric.shape[1] + few, bool))

    def __call__(self, numeric: NDArray[np.float32], category: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return ``[n, p + q]``."""
        return np.hstack([numeric.astype(np.float64), category.astype(np.float64)])


@dataclass(frozen=True)
class Form:
    """What is predicted: a number (``classes`` 1) or probabilities of so many classes."""

    classes: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of a fit: numeric ``[n, p]``, category ``[n, q]``, labels ``[n]`` as they are learned."""

    numeric: NDArray[np.float32]
    category: NDArray[np.int64]
    labels: NDArray[np.float64]

    @classmethod
    def of(cls, encoded: Encoded, rows: NDArray[np.int64], labels: NDArray[np.float64]) -> Self:
        return cls(encoded.numeric[rows], encoded.category[rows], labels)

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the rows that ``chosen`` ``[n]`` marks."""
        return type(self)(self.numeric[chosen], self.category[chosen], self.labels[chosen])


class Fit(Protocol):
    """Train on ``train``, choose by ``validation``, answer ``test``.

    Returns ``[m]`` predictions on the scale of the training labels, or ``[m, classes]`` probabilities. The training
    rows hold two classes at least.
    """

    def __call__(self, form: Form, train: Rows, validation: Rows, test: Rows, *, seed: int) -> NDArray[np.float64]: ...
