"""A stored model as the start of another: what fits, what is kept, and the new model before its first step."""

from learning.grafting.overlap import knows_test_rows
from learning.grafting.plan import Graft, plan_transfer
from learning.grafting.source import datasets_of, source_job
from learning.grafting.start import Grafted, start
from learning.grafting.warm import begin, plan_warm

__all__ = [
    "Graft",
    "Grafted",
    "begin",
    "datasets_of",
    "knows_test_rows",
    "plan_transfer",
    "plan_warm",
    "source_job",
    "start",
]
