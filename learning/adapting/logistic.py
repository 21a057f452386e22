"""Logistic regression on a trunk's representation, held to a prior head, its strength by approximate leave-one-out."""

import numpy as np
from numpy.typing import NDArray

from learning.adapting.basis import STRENGTHS, Basis, Block, basis_of
from learning.adapting.ridge import Fit

MOST_STEPS = 400
#: Where the largest step of a coordinate, times the length of a row, is less, the answers no longer change.
TOLERANCE = 1e-6


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
    prior head, without one even odds. Minimised by majorisation: the Hessian is below that of D. Böhning, *Multinomial
    logistic regression algorithm*, 1992 (https://doi.org/10.1007/BF00048682), Σ_i z_i z_iᵀ / 2 (/ 4 for two classes),
    which is diagonal in the rows' singular directions, with Nesterov's momentum, restarted where it turns back. A left-out
    row: one Newton step from the minimum of all, class by class: Rad and Maleki, *A scalable estimate of the out-of-sample
    prediction error via approximate leave-one-out*, eq. 7 (https://arxiv.org/abs/1801.10243).

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
    found = _minimum(design, basis.squares, start, truth, mask, lam)
    left_out = np.concatenate([start[:, None], _left_out(design, found, start, truth, mask, lam)], axis=1)
    known = np.array([np.inf, *finite])
    errors = (_log_loss(left_out, truth[:, None]) * mask[:, None]).sum(axis=2)
    best = errors.argmin(axis=1)
    every = np.arange(len(best))
    coordinates = np.concatenate([np.zeros_like(found[:, :1]), found], axis=1)[every, best]
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


def _minimum(design: Block, squares: Block, start: Block, truth: Block, mask: Block, lam: Block) -> Block:
    """The coordinates ``[B, L, m, units]`` of the minimum for each λ ``[B, L]``."""
    units = start.shape[-1]
    bound = (0.25 if units == 1 else 0.5) * squares
    rate = 1.0 / (bound[:, None] + lam[..., None])[..., None]
    across, along, flipped = design[:, None], lam[..., None, None], np.swapaxes(design, 1, 2)[:, None]
    here = np.zeros((*lam.shape, design.shape[2], units))
    ahead, pace = here, np.ones((*lam.shape, 1, 1))
    reach = np.sqrt(np.maximum(squares.max(axis=1), 0.0))[:, None, None, None]
    for step in range(MOST_STEPS):
        errors = (_probabilities(start[:, None] + across @ ahead) - truth[:, None]) * mask[:, None, :, None]
        new = ahead - rate * (flipped @ errors + along * ahead)
        moved = new - here
        # momentum that points uphill begins anew
        uphill = ((ahead - new) * moved).sum(axis=(2, 3), keepdims=True) > 0
        pace = np.where(uphill, 1.0, pace)
        quicker = (1.0 + np.sqrt(1.0 + 4.0 * pace**2)) / 2.0
        ahead = new + np.where(uphill, 0.0, (pace - 1.0) / quicker) * moved
        here, pace = new, quicker
        if step % 8 == 7 and float(np.abs(moved * reach).max(initial=0.0)) < TOLERANCE:
            break
    return here


def _left_out(design: Block, found: Block, start: Block, truth: Block, mask: Block, lam: Block) -> Block:
    """The logits ``[B, L, n, units]`` of each row after a Newton step without it."""
    logits = start[:, None] + design[:, None] @ found
    p = _probabilities(logits)
    weights = p * (1.0 - p) * mask[:, None, :, None]
    errors = (p - truth[:, None]) * mask[:, None, :, None]
    leverage = np.empty_like(weights)
    held = lam[..., None, None] * np.eye(design.shape[2])
    for unit in range(weights.shape[-1]):
        hessian = np.swapaxes(design, 1, 2)[:, None] @ (weights[..., unit, None] * design[:, None]) + held
        solved = np.linalg.solve(hessian, np.swapaxes(design, 1, 2)[:, None])
        leverage[..., unit] = np.einsum("bnm,blmn->bln", design, solved)
    return logits + leverage * errors / np.maximum(1.0 - weights * leverage, 1e-6)


def _probabilities(logits: Block) -> Block:
    if logits.shape[-1] == 1:
        return 1.0 / (1.0 + np.exp(-np.clip(logits, -500.0, 500.0)))
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _log_loss(logits: Block, truth: Block) -> Block:
    """−log p of the true class, ``[…, n]``."""
    if logits.shape[-1] == 1:
        return np.logaddexp(0.0, np.where(truth > 0.5, -logits, logits))[..., 0]
    top = logits.max(axis=-1)
    total: Block = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1)) - (logits * truth).sum(axis=-1)
    return total
