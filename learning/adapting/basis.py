"""Rows of many tasks as one block, and the orthogonal directions in which closed forms are diagonal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float64]

#: λ over the mean squared length of a task's rows, strongest first, so that among equals the head moves least.
STRENGTHS: tuple[float, ...] = (np.inf, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
_TINY = 1e-12
#: Differences below this share of the strongest hold's error are rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Basis:
    """Thin singular vectors of the rows Z of B tasks: Z = U diag(√d) Vᵀ.

    rows: Z, ``[B, n, p]``, zero where a task has fewer rows. left: U, ``[B, n, m]``, m = min(n, p). squares: d ``[B, m]``.
    scale: ``[B]``, the mean squared length of a task's rows, 1 where that is 0.
    """

    rows: Block
    left: Block
    squares: Block
    scale: Block

    def weights(self, coordinates: Block) -> Block:
        """Return Σ_k coordinates_k V_k / … as ``[B, p, …]``: Zᵀ U c for c ``[B, m, …]``."""
        found: Block = np.swapaxes(self.rows, 1, 2) @ (self.left @ coordinates)
        return found


def basis_of(rows: Block, counts: Block) -> Basis:
    """Return the basis of ``rows`` ``[B, n, p]``; ``counts`` ``[B]`` are the rows that each task has.

    By the smaller of the two Gram matrices, Z Zᵀ or Zᵀ Z: a handful of rows costs next to nothing, however wide they are.
    """
    flipped = np.swapaxes(rows, 1, 2)
    if rows.shape[1] <= rows.shape[2]:
        squares, left = np.linalg.eigh(rows @ flipped)
    else:
        squares, right = np.linalg.eigh(flipped @ rows)
        kept = squares > _TINY * np.maximum(squares[:, -1:], _TINY)
        left = (rows @ right) * np.where(kept, 1.0 / np.sqrt(np.where(kept, squares, 1.0)), 0.0)[:, None, :]
    squares = np.where(squares > _TINY * np.maximum(squares[:, -1:], _TINY), squares, 0.0)
    scale = squares.sum(axis=1) / np.maximum(counts, 1.0)
    return Basis(rows, left, squares, np.where(scale > 0, scale, 1.0))


def best_of(errors: Block, counts: Block) -> NDArray[np.int64]:
    """Return which strength leaves out best ``[B]``; among equals the strongest, and of a single row the strongest always.

    Args:
        errors: ``[B, L]``, of left-out rows under each strength, the strongest first. counts: ``[B]``, the rows of a task.
    """
    slack = _ROUNDING * np.abs(errors[:, :1])
    first = (errors <= errors.min(axis=1, keepdims=True) + slack).argmax(axis=1)
    return np.where(counts > 1, first, 0)


def padded(parts: list[NDArray[np.float32]]) -> tuple[Block, NDArray[np.bool_]]:
    """Return rows ``[n_b, h]`` of B tasks as one block ``[B, n, h]``, and which of its places hold a row ``[B, n]``."""
    most = max(len(part) for part in parts)
    block = np.zeros((len(parts), most, parts[0].shape[1]))
    there = np.zeros((len(parts), most), np.bool_)
    for place, part in enumerate(parts):
        block[place, : len(part)] = part
        there[place, : len(part)] = True
    return block, there
