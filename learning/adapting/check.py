"""Whether an adaptation is worth it, judged on its own support: each row answered by what learned from the others."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

#: One-sided: with the luck of a strength that was chosen by the same rows, one hopeless support in twenty passes.
CONFIDENCE = 0.975
#: Outputs are float32: a gain below this share of the loss is none.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Check:
    """How good a task's answers are, in ``metric``.

    support_leave_one_out: each row of the support answered without it, null where nothing could be left out. before: the
    same rows answered without adapting: by the mean head or the initialisation, and where those know nothing of the
    task by its most frequent class (of all rows) or its mean (of the others). worth_it: the left-out answers are better,
    by Student's one-sided test of the rows' paired losses at `CONFIDENCE`; null with fewer than two rows. query: the queries'
    own, where they bring their labels.
    """

    metric: Literal["rmse", "accuracy"]
    support_leave_one_out: float | None
    before: float | None
    worth_it: bool | None
    query: float | None = None

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "metric": self.metric,
            "support_leave_one_out": self.support_leave_one_out,
            "before": self.before,
            "worth_it": self.worth_it,
        }
        return told if self.query is None else told | {"query": self.query}


def judged(
    left_out: NDArray[np.float64] | None,
    before: NDArray[np.float64] | None,
    *,
    classes: bool,
    query: NDArray[np.float64] | None = None,
) -> Check:
    """Return the check of one target.

    Args:
        left_out, before: the losses ``[n]`` of the same rows, squared errors or 1 for a wrong class, NaN where a row could
            not be judged; None or all NaN: none could.
        query: the losses of the queries.
    """
    worth_it = None
    if left_out is not None and before is not None:
        gains = before - left_out
        gains = gains[np.isfinite(gains)]
        if len(gains) > 1:
            error = float(gains.std(ddof=1)) / np.sqrt(len(gains))
            least = _ROUNDING * float(before[np.isfinite(before)].mean())
            worth_it = bool(gains.mean() > max(least, float(stdtrit(len(gains) - 1, CONFIDENCE)) * error))
    return Check(
        metric="accuracy" if classes else "rmse",
        support_leave_one_out=_score(left_out, classes),
        before=_score(before, classes),
        worth_it=worth_it,
        query=_score(query, classes),
    )


def _score(losses: NDArray[np.float64] | None, classes: bool) -> float | None:
    if losses is None or not (known := np.isfinite(losses)).any():
        return None
    mean = float(losses[known].mean())
    return 1.0 - mean if classes else float(np.sqrt(mean))
