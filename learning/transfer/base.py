"""What every transfer method offers: which parameters learn, and what holds them to where they came from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

#: What users call the parts of a model, and how the parameters of such a part begin.
PARTS: Mapping[str, str] = {"trunk": "trunk.", "head": "heads."}


class TransferSpec(BaseModel, ABC):
    """What a user says of the way to transfer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def trainable(self, parameters: Sequence[str]) -> frozenset[str]:
        """Which of the parameters, by name, learn; all others stay as they came, bit for bit."""

    def unknown_parts(self, parameters: Sequence[str]) -> tuple[int, ...]:  # noqa: ARG002  # most methods name none
        """The places in the user's list of parts that name no parameter."""
        return ()

    def add_gradient(
        self, parameters: Mapping[str, nn.Parameter], source: Mapping[str, Tensor]
    ) -> None:  # most methods add nothing
        """Add to the gradients what the method itself asks of a step; most ask nothing.

        Args:
            parameters: those that learn, by name, their gradients filled in.
            source: the values that came from the source, by name; a parameter that is not there is new.
        """


def part_of(name: str, part: str) -> bool:
    """Whether the parameter ``name`` lies in ``part``: ``trunk``, ``head``, or deeper, as ``trunk.layers.0``."""
    first, dot, rest = part.partition(".")
    beginning = PARTS.get(first)
    return beginning is not None and f"{name}.".startswith(f"{beginning}{rest}." if dot else beginning)
