"""A stored model as the start of another: what fits, what is kept, and the new model before its first step."""

from learning.grafting.plan import Graft, plan_transfer
from learning.grafting.source import datasets_of, source_job
from learning.grafting.start import Grafted, start

__all__ = ["Graft", "Grafted", "datasets_of", "plan_transfer", "source_job", "start"]
