"""Stored models asked about whole datasets: what fits, what is asked, and how the answers compare."""

from learning.scoring.inputs import readable
from learning.scoring.plan import ScoringPlan, plan_scoring

__all__ = ["ScoringPlan", "plan_scoring", "readable"]
