"""The minimum of penalised logistic losses, of many tasks and strengths at once."""

import numpy as np

from learning.adapting.basis import Block

MOST_STEPS, NEWTON_STEPS = 300, 30
#: Where no logit moves by more in a step, the answers no longer change.
TOLERANCE = 1e-5
#: Coordinates times classes up to which the Hessian is solved as a whole.
MOST_UNKNOWNS = 64


def minimum(design: Block, squares: Block, start: Block, truth: Block, mask: Block, lam: Block) -> Block:
    """Return a ``[B, L, m, units]`` that minimises Σ_i −log p(y_i | start_i + design_i a) + λ/2 ‖a‖² for each λ ``[B, L]``.

    By Newton steps, and where one does not lower the loss or there are many unknowns by majorisation: the Hessian is below
    that of D. Böhning, *Multinomial logistic regression algorithm*, 1992 (https://doi.org/10.1007/BF00048682),
    Σ_i z_i z_iᵀ / 2 (/ 4 for two classes), diagonal here; with Nesterov's momentum, restarted where it turns back.

    Args:
        design: ``[B, n, m]``, orthogonal columns of squared length ``squares`` ``[B, m]``. start: ``[B, n, units]``.
        truth: ``[B, n, units]``, 1 for a row's class. mask: ``[B, n]``, 1 for a row.
    """
    problem = _Problem(design, squares, start, truth, mask, lam)
    if design.shape[2] * start.shape[-1] <= MOST_UNKNOWNS:
        return problem.by_newton()
    return problem.by_majorisation()


class _Problem:
    def __init__(self, design: Block, squares: Block, start: Block, truth: Block, mask: Block, lam: Block) -> None:
        self.design, self.flipped = design[:, None], np.swapaxes(design, 1, 2)[:, None]
        self.start, self.truth, self.mask = start[:, None], truth[:, None], mask[:, None, :, None]
        self.lam = lam[..., None, None]
        self.units = start.shape[-1]
        self.shape = (*lam.shape, design.shape[2], self.units)
        bound = (0.25 if self.units == 1 else 0.5) * squares
        self.rate = 1.0 / (bound[:, None, :, None] + self.lam)
        # How far a step of the coordinates can move a logit.
        self.reach = np.abs(design).max(axis=(1, 2), initial=0.0)[:, None, None, None]

    def gradient(self, at: Block) -> tuple[Block, Block]:
        """The gradient ``[B, L, m, units]`` and the probabilities ``[B, L, n, units]``."""
        p = probabilities(self.start + self.design @ at)
        return self.flipped @ ((p - self.truth) * self.mask) + self.lam * at, p

    def loss(self, at: Block) -> Block:
        """The penalised loss ``[B, L, 1, 1]``."""
        losses = log_loss(self.start + self.design @ at, self.truth) * self.mask[..., 0]
        total: Block = losses.sum(axis=2)[..., None, None] + self.lam / 2 * (at**2).sum(axis=(2, 3), keepdims=True)
        return total

    def by_newton(self) -> Block:
        here = np.zeros(self.shape)
        lowest = self.loss(here)
        for _ in range(NEWTON_STEPS):
            gradient, p = self.gradient(here)
            full = here - self._solved(p, gradient)
            reached = self.loss(full)
            lower = reached <= lowest
            new = np.where(lower, full, here - self.rate * gradient)
            lowest = np.where(lower, reached, lowest if lower.all() else self.loss(new))
            moved, here = new - here, new
            if float((np.abs(moved) * self.reach).max(initial=0.0)) < TOLERANCE:
                break
        return here

    def _solved(self, p: Block, gradient: Block) -> Block:
        """H⁻¹ times the gradient, with the Hessian as a whole."""
        m, units = self.shape[2:]
        hessian = np.empty((*self.shape[:2], units, m, units, m))
        held = self.lam * np.eye(m)
        for one in range(units):
            for other in range(one, units):
                weights = -p[..., one] * p[..., other] + (p[..., one] if one == other else 0.0)
                block = self.flipped @ ((weights * self.mask[..., 0])[..., None] * self.design)
                hessian[:, :, one, :, other] = block + held if one == other else block
                hessian[:, :, other, :, one] = hessian[:, :, one, :, other]
        whole = hessian.reshape(*self.shape[:2], units * m, units * m)
        flat = np.swapaxes(gradient, 2, 3).reshape(*self.shape[:2], units * m, 1)
        return np.swapaxes(np.linalg.solve(whole, flat).reshape(*self.shape[:2], units, m), 2, 3)

    def by_majorisation(self) -> Block:
        here = np.zeros(self.shape)
        ahead, pace = here, np.ones((*self.shape[:2], 1, 1))
        for step in range(MOST_STEPS):
            new = ahead - self.rate * self.gradient(ahead)[0]
            moved = new - here
            # momentum that points uphill begins anew
            uphill = ((ahead - new) * moved).sum(axis=(2, 3), keepdims=True) > 0
            pace = np.where(uphill, 1.0, pace)
            quicker = (1.0 + np.sqrt(1.0 + 4.0 * pace**2)) / 2.0
            ahead = new + np.where(uphill, 0.0, (pace - 1.0) / quicker) * moved
            here, pace = new, quicker
            if step % 8 == 7 and float((np.abs(moved) * self.reach).max(initial=0.0)) < TOLERANCE:
                break
        return here


def probabilities(logits: Block) -> Block:
    """Return the probability of class 1, of one logit ``[…, 1]``, or of each class, of logits ``[…, units]``."""
    if logits.shape[-1] == 1:
        return 1.0 / (1.0 + np.exp(-np.clip(logits, -500.0, 500.0)))
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: Block = raised / raised.sum(axis=-1, keepdims=True)
    return shares


def log_loss(logits: Block, truth: Block) -> Block:
    """Return −log p of the true class ``[…, n]``, of logits ``[…, n, units]``; ``truth`` is 1 for it."""
    if logits.shape[-1] == 1:
        single: Block = np.logaddexp(0.0, np.where(truth > 0.5, -logits, logits))[..., 0]
        return single
    top = logits.max(axis=-1)
    total: Block = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1)) - (logits * truth).sum(axis=-1)
    return total
