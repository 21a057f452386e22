"""The linear probe."""

from collections.abc import Sequence
from typing import Literal

from learning.transfer.base import PARTS, TransferSpec


class LinearProbe(TransferSpec):
    """The source's trunk as it is, and a linear head trained on what it computes: feature extraction.

    Alain and Bengio, *Understanding intermediate layers using linear classifier probes* (https://arxiv.org/abs/1610.01644).
    The trunk stays bit for bit, so nothing of the source is forgotten.

    Example:
        >>> sorted(LinearProbe().trainable(["trunk.layers.0.weight", "heads.weight", "heads.bias"]))
        ['heads.bias', 'heads.weight']
    """

    name: Literal["linear_probe"] = "linear_probe"

    def trainable(self, parameters: Sequence[str]) -> frozenset[str]:
        return frozenset(name for name in parameters if name.startswith(PARTS["head"]))


METHOD = LinearProbe
