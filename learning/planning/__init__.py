"""From a job and its tables to tasks: the one place where a spec's meaning is checked, by the API and by the worker."""

from learning.planning.planner import Plan, draw_seed, plan, rows_of
from learning.planning.split import TEST, TRAIN, VALIDATION

__all__ = ["TEST", "TRAIN", "VALIDATION", "Plan", "draw_seed", "plan", "rows_of"]
