"""L2-SP: fine-tuning held to its starting point."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from learning.transfer.base import TransferSpec

Strength = Annotated[float, Field(strict=True, ge=0.0, le=1e6, allow_inf_nan=False)]


class L2Sp(TransferSpec):
    """Fine-tuning with α/2 · ‖w_s − w⁰_s‖² + β/2 · ‖w_n‖² added to the loss.

    w_s are the parameters that came from the source, w⁰_s their values there, w_n the new ones: Li, Grandvalet and
    Davoine, *Explicit Inductive Bias for Transfer Learning with Convolutional Networks*, ICML 2018, eq. 4
    (https://arxiv.org/abs/1802.01483). Biases are parameters here, as they are there. In the paper this takes the place
    of weight decay; ``training.l2`` is added all the same, so set it to 0 for the paper's form.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> w = {"trunk.w": nn.Parameter(torch.tensor([3.0])), "heads.w": nn.Parameter(torch.tensor([2.0]))}
        >>> L2Sp(alpha=0.5, beta=0.25).add_gradient(w, {"trunk.w": torch.tensor([1.0])})
        >>> w["trunk.w"].grad, w["heads.w"].grad
        (tensor([1.]), tensor([0.5000]))
    """

    name: Literal["l2_sp"] = "l2_sp"
    alpha: Strength = Field(default=0.1, description="How firmly the source's weights hold.")
    beta: Strength = Field(default=0.01, description="How firmly new weights are held to 0.")

    def trainable(self, parameters: Sequence[str]) -> frozenset[str]:
        return frozenset(parameters)

    @torch.no_grad()
    def add_gradient(self, parameters: Mapping[str, nn.Parameter], source: Mapping[str, Tensor]) -> None:
        for name, parameter in parameters.items():
            factor = self.alpha if name in source else self.beta
            if not factor:
                continue
            pull = factor * (parameter - source[name] if name in source else parameter)
            parameter.grad = pull if parameter.grad is None else parameter.grad + pull


METHOD = L2Sp
