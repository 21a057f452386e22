"""Did sharing help? Losses and influence of rows, two arms compared, the verdicts of a job (METHODS.md D)."""

from learning.verdict.comparison import MIN_ALONE, Comparison, compare
from learning.verdict.influence import loss_floor
from learning.verdict.paired import Difference, paired
from learning.verdict.verdict import Moderated, Verdict, moderated, verdicts

__all__ = [
    "MIN_ALONE",
    "Comparison",
    "Difference",
    "Moderated",
    "Verdict",
    "compare",
    "loss_floor",
    "moderated",
    "paired",
    "verdicts",
]
