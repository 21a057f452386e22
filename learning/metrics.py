"""How good predictions are, in the words of the result; a figure that the rows do not define is None, never NaN."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from learning.tasks import TaskType

Metrics = dict[str, float | None]

#: Better is larger for these; their loss is 1 − value.
SCORES: frozenset[str] = frozenset({"roc_auc", "accuracy", "f1", "macro_f1", "r2"})


def test_metrics(kind: TaskType, y: NDArray[Any], output: NDArray[Any]) -> Metrics:
    """Return the test metrics of one task.

    Args:
        y: ``[n]``, values in the target's units, or class indices; no NaN, n ≥ 1.
        output: ``[n]`` values for a regression, ``[n]`` probabilities of class 1 (binary) or ``[n, C]`` of each class;
            ``[n, 2]`` is understood for a binary task.

    Raises:
        ValueError: ``y`` is empty, or of another length than ``output``.

    Example:
        >>> test_metrics("regression", np.array([0.0, 2.0, 4.0]), np.array([0.0, 4.0, 4.0]))["r2"]
        0.5
    """
    if len(y) == 0 or len(y) != len(output):
        raise ValueError(f"expected as many outputs as labels, at least one; found {len(y)} and {len(output)}")
    output = np.asarray(output, np.float64)
    if kind == "regression":
        return _regression(np.asarray(y, np.float64), output)
    labels = np.asarray(y).astype(np.int64)
    if kind == "binary":
        return _binary(labels, output[:, 1] if output.ndim == 2 else output)
    return _multiclass(labels, output)


# pytest would take the name that the result gives it for a test of its own.
test_metrics.__test__ = False  # type: ignore[attr-defined]


def decided(output: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """Return the class ``[n]`` that probabilities ``[n]`` (of class 1) or ``[n, C]`` decide for.

    Of two classes the second from one half on; of several the most probable, the first of equals.
    """
    if output.ndim == 2 and output.shape[1] > 2:
        best: NDArray[np.int64] = output.argmax(axis=1)
        return best
    return ((output[:, 1] if output.ndim == 2 else output) >= 0.5).astype(np.int64)


def log_loss(probabilities: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Return the mean negative log likelihood of ``y`` ``[n]`` under ``probabilities`` ``[n, C]``, in nats."""
    # A certain error would cost infinitely much; the smallest step from 1 bounds it, as scikit-learn does.
    likelihood = probabilities[np.arange(len(y)), y]
    return float(-np.log(np.clip(likelihood, np.finfo(np.float64).eps, 1.0)).mean())


def primary_loss(metric: str, value: float) -> float:
    """The quantity that a gain reduces: rmse, 1 − roc_auc, 1 − accuracy."""
    return 1.0 - value if metric in SCORES else value


def gain(metric: str, ours: float | None, rival: float | None, *, floor: float = 0.0) -> float | None:
    """The relative reduction of the primary loss against a rival: 1 − loss / loss_rival; positive is better.

    None when either is undefined, or when the rival is perfect and we are not: there is no ratio to 0.

    Args:
        floor: A loss of at most this is none (`learning.verdict.loss_floor`).
    """
    if ours is None or rival is None:
        return None
    a, b = primary_loss(metric, ours), primary_loss(metric, rival)
    if b <= floor:
        return 0.0 if a <= floor else None
    # two figures divide past the floating-point numbers where the rival's is smaller than any rounding
    return 1.0 - a / b if np.isfinite(a / b) else None


def roc_auc(y: NDArray[np.int64], score: NDArray[np.float64]) -> float | None:
    """The chance that a row of class 1 scores above one of class 0, ties counting half; None with one class only.

    Mann and Whitney's U over n₊ n₋, from ranks: (Σ_{y=1} rank − n₊(n₊ + 1)/2) / (n₊ n₋). ``y`` and ``score`` ``[n]``.
    """
    positive = int((y == 1).sum())
    negative = len(y) - positive
    if positive == 0 or negative == 0:
        return None
    ranks = rankdata(score)
    return float((ranks[y == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def _regression(y: NDArray[np.float64], y_hat: NDArray[np.float64]) -> Metrics:
    # Scaled first: the squares of values near 1e150 would leave the floating-point numbers together with their sum.
    scale = float(max(np.abs(y).max(), np.abs(y_hat).max())) or 1.0
    error, centred = (y_hat - y) / scale, (y - y.mean()) / scale
    wrong, spread = float(error @ error), float(centred @ centred)
    r2 = 1.0 - wrong / spread if len(y) > 1 and spread > 0 else None
    return {
        "rmse": float(np.sqrt(wrong / len(y))) * scale,
        "mae": float(np.abs(error).mean()) * scale,
        # a spread near the smallest number there is leaves no ratio
        "r2": r2 if r2 is not None and np.isfinite(r2) else None,
    }


def _binary(y: NDArray[np.int64], p: NDArray[np.float64]) -> Metrics:
    label = decided(p)
    true_positive = int(((label == 1) & (y == 1)).sum())
    named = int((label == 1).sum() + (y == 1).sum())
    return {
        "roc_auc": roc_auc(y, p),
        "accuracy": float((label == y).mean()),
        # Neither found nor there: no precision and no recall to average.
        "f1": 2 * true_positive / named if named else None,
        "log_loss": log_loss(np.stack([1.0 - p, p], axis=1), y),
    }


def _multiclass(y: NDArray[np.int64], p: NDArray[np.float64]) -> Metrics:
    label = decided(p)
    classes = p.shape[1]
    true, found = np.bincount(y, minlength=classes), np.bincount(label, minlength=classes)
    hit = np.bincount(y[label == y], minlength=classes)
    named = (true + found) > 0
    return {
        "accuracy": float((label == y).mean()),
        # Over the classes that occur in the labels or in the answers, as scikit-learn averages.
        "macro_f1": float((2 * hit[named] / (true + found)[named]).mean()),
        "log_loss": log_loss(p, y),
    }
