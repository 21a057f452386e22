"""The doorstep: command line and Python client. Everything here speaks HTTP; nothing here imports torch.

>>> from taskgraft import Taskgraft                                                            # doctest: +SKIP
>>> service = Taskgraft()                # TASKGRAFT_URL and TASKGRAFT_KEY, else ./taskgraft-data   # doctest: +SKIP
"""

from taskgraft.client import Taskgraft
from taskgraft.errors import JobFailed, NotConfigured, ProblemError, TaskgraftError, Unreachable

__all__ = ["JobFailed", "NotConfigured", "ProblemError", "Taskgraft", "TaskgraftError", "Unreachable"]
