"""From a meta job and its table to what episodes are drawn from: the one check, made by the API and by the worker."""

from learning.episodes.plan import MetaPlan, plan_meta
from learning.episodes.pool import Pool

__all__ = ["MetaPlan", "Pool", "plan_meta"]
