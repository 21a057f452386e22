"""From a stored model and a few rows to a child: pure functions of both, which leave the parent as it is, bit for bit."""

from learning.adapting.adapter import Adapter
from learning.adapting.asked import Request, Sample
from learning.adapting.check import Check
from learning.adapting.delta import Delta, DeltaHeader, child_header, merge
from learning.adapting.entry import adapter_of, is_adaptable
from learning.adapting.job import plan_adapt
from learning.adapting.results import Adaptation

__all__ = [
    "Adaptation",
    "Adapter",
    "Check",
    "Delta",
    "DeltaHeader",
    "Request",
    "Sample",
    "adapter_of",
    "child_header",
    "is_adaptable",
    "merge",
    "plan_adapt",
]
