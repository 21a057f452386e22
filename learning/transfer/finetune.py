"""Fine-tuning."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from learning.transfer.base import TransferSpec, part_of

Part = Annotated[str, Field(min_length=1, max_length=200)]


class Finetune(TransferSpec):
    """Start at the source's weights and train on: all of them, or those of the named parts while the others stay.

    Yosinski et al., *How transferable are features in deep neural networks?*, NeurIPS 2014, section 2
    (https://arxiv.org/abs/1411.1792): the copied layers are either frozen or trained with the new ones.

    Example:
        >>> names = ["trunk.layers.0.weight", "trunk.layers.1.weight", "heads.weight"]
        >>> sorted(Finetune(parts=("head", "trunk.layers.1")).trainable(names))
        ['heads.weight', 'trunk.layers.1.weight']
    """

    name: Literal["finetune"] = "finetune"
    parts: tuple[Part, ...] | None = Field(
        default=None,
        max_length=100,
        description="What learns: trunk, head, or deeper, such as trunk.layers.0 or trunk.embeddings; null: everything.",
    )

    def trainable(self, parameters: Sequence[str]) -> frozenset[str]:
        if self.parts is None:
            return frozenset(parameters)
        return frozenset(name for name in parameters if any(part_of(name, part) for part in self.parts))

    def unknown_parts(self, parameters: Sequence[str]) -> tuple[int, ...]:
        named = enumerate(self.parts or ())
        return tuple(place for place, part in named if not any(part_of(name, part) for name in parameters))


METHOD = Finetune
