"""k-fold cross-validation: every row in the test part of one fold, and for training or validation in the others."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from learning.planning.split import TEST, TRAIN, VALIDATION, Sides, in_drawn_order, parts
from learning.tables.hashing import Hashes

#: The side of a row that says nothing in a fold: a task without a head of its own is only ever tested.
UNUSED = -1
# Of a cell with fewer contents than this outside a fold each goes by its own draw.
_FEW = 3


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """The contents of a job's rows in a drawn order, cell after cell, dealt to ``count`` folds in turn.

    So each cell is spread as evenly over the folds as its number allows, and so are all rows together.

    count: k. validation: the share of the contents outside a fold that is cut from training, in each cell.
    content: ``[n]``, each row's place among the D distinct contents. cell: ``[D]``, from 0 and ascending; rows of one cell
    are divided among themselves (a group, a ``where``). draw: ``[D]``.
    untaught: ``[n, J]``, labels of tasks that no head is trained for.
    """

    count: int
    validation: float
    content: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]
    draw: Hashes
    untaught: npt.NDArray[np.bool_]

    @classmethod
    def deal(
        cls,
        cells: Hashes,
        content: Hashes,
        untaught: npt.NDArray[np.bool_],
        *,
        count: int,
        validation: float,
        seed: int,
    ) -> Self:
        """Args: ``cells`` and ``content`` ``[n]``; rows that are equal in both are in one fold."""
        order, draws, opens, distinct = in_drawn_order(cells, content, seed=seed)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.cumsum(distinct) - 1
        cell = np.cumsum(opens) - 1
        return cls(count, validation, place, cell[distinct], draws[distinct], untaught)

    def taken(self, rows: npt.NDArray[np.bool_]) -> "Folds":
        """The folds of the rows that ``rows`` ``[n]`` marks; which fold a row is in stays as it is."""
        return Folds(self.count, self.validation, self.content[rows], self.cell, self.draw, self.untaught[rows])

    def fold(self) -> npt.NDArray[np.int64]:
        """The fold that tests each row, ``[n]``."""
        return self.content % self.count

    def sides(self, fold: int | None) -> Sides:
        """The side of each row ``[n]`` when ``fold`` is tested; for None all folds are for training and validation.

        Validation turns with the folds: each takes its rows a k-th of the way further round in the order of every cell,
        so that over all folds no row is kept from training more often than another.
        """
        left = np.arange(len(self.cell)) % self.count != (-1 if fold is None else fold)
        sizes = np.bincount(self.cell, minlength=1)
        count = np.bincount(self.cell, weights=left, minlength=1).astype(np.int64)
        before = np.cumsum(left) - left
        rank = before - before[np.cumsum(sizes) - sizes][self.cell] if len(self.cell) else before
        _, validations = parts(count, validation=self.validation, test=0.0)
        turn = 0.0 if fold is None else fold / self.count
        turned = (rank - (count * turn).astype(np.int64)[self.cell]) % np.maximum(count, 1)[self.cell]
        chance = (self.draw / 2.0**64 + turn) % 1.0
        few = (count < _FEW)[self.cell]
        held = np.where(few, chance < self.validation, turned < validations[self.cell])
        found: Sides = np.select([~left, held], [TEST, VALIDATION], TRAIN).astype(np.int8)
        return found[self.content]

    def part(
        self, fold: int | None, labels: npt.NDArray[np.float64], task_of: npt.NDArray[np.int32]
    ) -> tuple[Sides, npt.NDArray[np.float64], npt.NDArray[np.int32]]:
        """Sides ``[n]``, labels ``[n, J]`` and ``task_of`` ``[n, J]`` when ``fold`` is tested, of those of all rows."""
        sides = self.sides(fold)
        hidden = self.untaught & (sides != TEST)[:, None]
        labels, task_of = np.where(hidden, np.nan, labels), np.where(hidden, np.int32(-1), task_of)
        sides[(task_of < 0).all(axis=1)] = UNUSED
        return sides, labels, task_of
