"""What adapts: one entry for every kind of stored model."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from learning.adapting.asked import Request, Sample
from learning.adapting.results import Adaptation


class Adapter(ABC):
    """A model that is ready to adapt. Threads may share it: nothing of it changes, whatever it adapts to."""

    #: Bytes that it holds beside the plan of its trunk.
    nbytes: int

    @abstractmethod
    def adapt(self, request: Request, samples: Sequence[Sample], *, check: bool = True) -> list[Adaptation]:
        """Return what each sample's task learns, in order; all of them in one pass.

        Args:
            check: Whether to leave out rows; without it the checks hold only what is known anyway.

        Raises:
            SpecError: the request does not suit the model, with pointers to ``/target``, ``/task_key`` or ``/steps``.
            InputError: rows that do not fit, with pointers below each sample's ``at`` and ``query_at``.
            ModelUnhealthy: the model answers with infinity or NaN.
        """
