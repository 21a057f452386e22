"""Logistic regression on a trunk's representation, held to a prior head, its strength by approximate leave-one-out."""

import numpy as np
from numpy.typing import NDArray

from learning.adapting.basis import Basis, Block, basis_of, best_of
from learning.adapting.minimise import log_loss, minimum, probabilities
from learning.adapting.ridge import Fit

#: As of `basis`; a weaker hold only separates what is separable already.
STRENGTHS: tuple[float, ...] = (np.inf, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
#: The most numbers of the rows that are solved for several strengths at once.
MOST_NUMBERS = 1 << 20


def logistic(
    z: Block,
    labels: Block,
    there: NDArray[np.bool_],
    prior: tuple[Block, Block] | None,
    *,
    units: int,
    strengths: tuple[float, ...] = STRENGTHS,
) -> Fit:
    """Return the heads that minimise Σ_i −log p(y_i | z_i) + λ/2 ‖w − w₀‖², with the λ of the best left-out log loss.

    The bias is held with the weights, as that of a constant column as long as the rows are on average; λ = ∞ is the
    prior head, without one even odds. A left-out row: one Newton step from the minimum of all, class by class: Rad and
    Maleki, *A scalable estimate of the out-of-sample prediction error via approximate leave-one-out*, eq. 7
    (https://arxiv.org/abs/1801.10243).

    Args:
        z: ``[B, n, h]``; labels: ``[B, n]``, class indices; there: ``[B, n]``, which places hold a row.
        prior: the mean head, weight ``[units, h]`` and bias ``[units]``. units: 1 for two classes, else one each.
    """
    mask = there.astype(np.float64)
    counts = mask.sum(axis=1)
    length = np.sqrt((z**2 * mask[..., None]).sum((1, 2)) / counts)
    length = np.where(length > 0, length, 1.0)
    rows = np.concatenate([z, np.broadcast_to(length[:, None, None], (*z.shape[:2], 1))], axis=2) * mask[..., None]
    start = np.zeros((*there.shape, units)) if prior is None else (z @ prior[0].T + prior[1]) * mask[..., None]
    truth = labels[..., None] if units == 1 else (labels[..., None] == np.arange(units)).astype(np.float64)
    basis = basis_of(rows, counts)
    finite = np.array([strength for strength in strengths if np.isfinite(strength)])
    lam = finite * basis.scale[:, None]
    design = basis.left * np.sqrt(basis.squares)[:, None]
    found = minimum(design, basis.squares, start, truth, mask, lam)
    left_out = _left_out(design, found, start, truth, mask, lam)
    known = finite
    if len(finite) < len(strengths):  # the prior itself, which learned from no row
        known = np.array([np.inf, *finite])
        found = np.concatenate([np.zeros((len(z), 1, *found.shape[2:])), found], axis=1)
        left_out = np.concatenate([start[:, None], left_out], axis=1)
    errors = (log_loss(left_out, truth[:, None]) * mask[:, None]).sum(axis=2)
    best, every = best_of(errors, counts), np.arange(len(z))
    coordinates = found[every, best]
    weight, bias = _unrotated(basis, coordinates, length)
    if prior is not None:
        weight, bias = weight + prior[0], bias + prior[1]
    return Fit(weight, bias, left_out[every, best], known[best])


def _unrotated(basis: Basis, coordinates: Block, length: Block) -> tuple[Block, Block]:
    """Coordinates ``[B, m, units]`` along the singular directions as weight ``[B, units, h]`` and bias ``[B, units]``."""
    roots = np.sqrt(basis.squares)
    scaled = np.where(roots > 0, 1.0 / np.where(roots > 0, roots, 1.0), 0.0)[..., None] * coordinates
    moved = basis.weights(scaled)
    return np.swapaxes(moved[:, :-1], 1, 2), moved[:, -1] * length[:, None]


def _left_out(design: Block, found: Block, start: Block, truth: Block, mask: Block, lam: Block) -> Block:
    """The logits ``[B, L, n, units]`` of each row after a Newton step without it."""
    logits = start[:, None] + design[:, None] @ found
    p = probabilities(logits)
    weights = p * (1.0 - p) * mask[:, None, :, None]
    errors = (p - truth[:, None]) * mask[:, None, :, None]
    leverage = np.empty_like(weights)
    flipped, held = np.swapaxes(design, 1, 2)[:, None], lam[..., None, None] * np.eye(design.shape[2])
    # ten thousand rows of a wide trunk are large enough without a copy for every strength
    size = max(1, MOST_NUMBERS // design.size)
    for some in (slice(start, start + size) for start in range(0, lam.shape[1], size)):
        for unit in range(weights.shape[-1]):
            hessian = flipped @ (weights[:, some, :, unit, None] * design[:, None]) + held[:, some]
            solved = np.linalg.solve(hessian, flipped)
            leverage[:, some, :, unit] = np.einsum("bnm,blmn->bln", design, solved)
    moved: Block = logits + leverage * errors / np.maximum(1.0 - weights * leverage, 1e-6)
    return moved
