"""Ridge regression on a trunk's representation, held to a prior head, its strength by exact leave-one-out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.adapting.basis import STRENGTHS, Basis, Block, basis_of, best_of


@dataclass(frozen=True, slots=True)
class Fit:
    """Heads of B tasks: ``weight`` ``[B, units, h]``, ``bias`` ``[B, units]``.

    left_out: the raw output ``[B, n, units]`` of each row by the head that learned from the others. strength: ``[B]``, λ
    over the mean squared length of the rows, ∞ where the prior head is kept.
    """

    weight: Block
    bias: Block
    left_out: Block
    strength: Block


def ridge(
    z: Block,
    y: Block,
    there: NDArray[np.bool_],
    prior: tuple[Block, float] | None,
    *,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Fit:
    """Return the heads w = w₀ + (Z̃ᵀZ̃ + λI)⁻¹ Z̃ᵀ(y − Z̃w₀) that leave one out best.

    The posterior mean of a Bayesian linear model with prior N(w₀, σ²/λ I): Bishop, *Pattern Recognition and Machine
    Learning*, eqs. 3.49 to 3.54. With a prior the bias is held too, as the weight of a constant column as long as the
    rows are on average, so that λ = ∞ is the prior head; without one it is free, so that λ = ∞ is the mean. Left out:
    y_i − (y_i − ŷ_i) / (1 − H_ii), Allen's PRESS; exact for every λ, from one decomposition.

    Args:
        z: ``[B, n, h]``; y: ``[B, n]``; there: ``[B, n]``, which places hold a row.
        prior: the mean head, weight ``[h]`` and bias.
    """
    mask = there.astype(np.float64)
    counts = mask.sum(axis=1)
    z = z * mask[..., None]
    if prior is None:
        centre, middle = z.sum(1) / counts[:, None], (y * mask).sum(1) / counts
        rows = (z - centre[:, None]) * mask[..., None]
        residual, already = (y - middle[:, None]) * mask, mask / counts[:, None]
    else:
        length = np.sqrt(_or_one((z**2).sum((1, 2)) / counts))
        rows = np.concatenate([z, (mask * length[:, None])[..., None]], axis=2)
        residual, already = (y - z @ prior[0] - prior[1]) * mask, np.zeros_like(mask)
    basis = basis_of(rows, counts)
    chosen, left_out = _chosen(basis, residual, already, mask, np.array(strengths))
    factor = _solved(basis, chosen)
    moved = basis.weights((factor * (np.swapaxes(basis.left, 1, 2) @ residual[..., None])[..., 0])[..., None])[..., 0]
    if prior is None:
        weight, bias = moved, middle - (moved * centre).sum(1)
    else:
        weight, bias = moved[:, :-1] + prior[0], moved[:, -1] * length + prior[1]
    return Fit(weight[:, None], bias[:, None], (y - left_out)[..., None], chosen)


def _chosen(basis: Basis, residual: Block, already: Block, mask: Block, strengths: Block) -> tuple[Block, Block]:
    """Return the best λ of each task ``[B]`` and its leave-one-out residuals ``[B, n]``."""
    d = basis.squares[:, None, :]
    with np.errstate(invalid="ignore"):
        share = np.where(d > 0, d / (d + strengths[:, None] * basis.scale[:, None, None]), 0.0)
    turned = (np.swapaxes(basis.left, 1, 2) @ residual[..., None])[..., 0]
    fitted = (share * turned[:, None]) @ np.swapaxes(basis.left, 1, 2)
    leverage = share @ np.swapaxes(basis.left**2, 1, 2) + already[:, None]
    left_out = (residual[:, None] - fitted) / np.maximum(1.0 - leverage, 1e-9)
    error = (left_out**2 * mask[:, None]).sum(axis=2)
    best = best_of(error, mask.sum(axis=1))
    return strengths[best], left_out[np.arange(len(best)), best]


def _solved(basis: Basis, strength: Block) -> Block:
    """Return 1 / (d + λ) ``[B, m]``, 0 in directions that no row has."""
    d = basis.squares
    lam = (strength * basis.scale)[:, None]
    return np.where(d > 0, 1.0 / np.where(d > 0, d + lam, 1.0), 0.0)


def _or_one(values: Block) -> Block:
    return np.where(values > 0, values, 1.0)
