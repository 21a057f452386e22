"""Conv4, the small convolutional network of the few-shot papers."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from learning.networks.base import EMBEDDING_DEVIATION, InputShape, NetworkSpec, Trunk, TrunkPlan
from learning.networks.convolution_plan import BLOCKS, ROWS_AT_A_TIME, ConvolutionPlan, channels_last
from learning.networks.normalisation import Normalisation

Filters = Annotated[int, Field(strict=True, ge=1, le=1024)]


class Conv4(NetworkSpec):
    """Four blocks of a 3 × 3 convolution, batch normalisation and ReLU, each of which halves the image's sides.

    Vinyals et al., *Matching Networks for One Shot Learning*, NeurIPS 2016, section 4.1 (https://arxiv.org/abs/1606.04080):
    64 filters, padding 1, then 2 × 2 max-pooling; with ``pooling`` false the convolutions have stride 2 instead, as in
    Finn et al., *Model-Agnostic Meta-Learning*, section 5.2 (https://arxiv.org/abs/1703.03400). What is left of the image
    is flattened (28 × 28 pixels become 64 numbers, strided 256), and joined by the row's other numbers and embeddings.
    Weights start as N(0, 2 / fan_in): He et al. (https://arxiv.org/abs/1502.01852), eq. 10. The convolutions have no bias:
    the normalisation behind them has one.

    Example:
        >>> trunk = Conv4(filters=8).build(InputShape(numeric=28 * 28 + 1, image=(1, 28, 28)))
        >>> trunk.out_features
        9
    """

    stackable: ClassVar[bool] = False

    name: Literal["conv4"] = "conv4"
    filters: Filters | tuple[Filters, Filters, Filters, Filters] = Field(
        default=64, description="Filters of each block, or one number for all four."
    )
    pooling: bool = Field(
        default=True,
        strict=True,
        description="Halve by 2 × 2 max-pooling; false: by convolutions of stride 2, cheaper.",
    )
    dropout: float = Field(
        default=0.0,
        strict=True,
        ge=0.0,
        lt=1.0,
        allow_inf_nan=False,
        description="Share of what the last block computes that is dropped in a training step.",
    )
    statistics: Literal["running", "batch"] = Field(
        default="running",
        description="What answers are normalised by: the statistics of training, or those of the rows asked together, "
        "as children of a transductive meta-model say; no job may.",
    )

    def alone(self) -> Self:
        return self.model_copy(update={"statistics": "running"})

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.filters,) * BLOCKS if isinstance(self.filters, int) else self.filters

    def misfit(self, inputs: InputShape) -> str | None:
        # Pooling drops an odd row or column, a stride keeps it; each of the halvings has to halve something.
        least = 2**BLOCKS if self.pooling else 2 ** (BLOCKS - 1) + 1
        if inputs.image is None:
            return "expected an image among the features for conv4 to read, found none"
        _, height, width = inputs.image
        if min(height, width) < least:
            how = "poolings" if self.pooling else "strides of 2"
            return f"expected images of at least {least} × {least} pixels for four {how}, found {height} × {width}"
        return None

    def out_features(self, inputs: InputShape) -> int:
        height, width = self._left(inputs)
        return self.widths[-1] * height * width + inputs.width - inputs.pixels

    def build(self, inputs: InputShape) -> "Convolutional":
        return Convolutional(inputs, self)

    def plan(self, state: Mapping[str, NDArray[np.float32]]) -> TrunkPlan:
        return ConvolutionPlan(state, pooling=self.pooling, together=self.statistics == "batch")

    def activations(self, inputs: InputShape) -> int:
        _, height, width = inputs.image or (0, 0, 0)
        halved = 1 if self.pooling else 4
        return inputs.width + 3 * self.widths[0] * height * width // halved + self.out_features(inputs)

    def parameters(self, inputs: InputShape) -> int:
        channels = (inputs.image or (0, 0, 0))[0]
        tables = sum(k * width for k, width in zip(inputs.cardinalities, inputs.embedding_widths, strict=True))
        return tables + sum(9 * fan_in * out + 2 * out for fan_in, out in pairwise([channels, *self.widths]))

    def _left(self, inputs: InputShape) -> tuple[int, int]:
        """Height and width of what the last block computes."""
        _, *sides = inputs.image or (0, 0, 0)
        for _ in range(BLOCKS):
            sides = [side // 2 if self.pooling else -(-side // 2) for side in sides]
        return sides[0], sides[1]


class Block(nn.Module):
    """A convolution, its normalisation, ReLU, and pooling unless the convolution strides."""

    def __init__(self, fan_in: int, filters: int, *, pooling: bool) -> None:
        super().__init__()
        self.pooling = pooling
        self.convolution = nn.Conv2d(fan_in, filters, 3, stride=1 if pooling else 2, padding=1, bias=False)
        self.normalisation = Normalisation(filters)
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[n, filters, ⌊height / 2⌋, ⌊width / 2⌋]`` of ``x`` ``[n, fan_in, height, width]``; strided ⌈…⌉."""
        z: Tensor = self.normalisation(self.convolution(_laid_out(x)))
        z = functional.relu(z)
        return functional.max_pool2d(z, 2) if self.pooling else z


class Convolutional(Trunk):
    """The blocks over the row's image, beside the other numbers and the embeddings."""

    image: Tensor

    def __init__(self, inputs: InputShape, spec: Conv4) -> None:
        """Raises: ValueError: the inputs have no image, or too small a one (`Conv4.misfit`)."""
        super().__init__()
        sentence = spec.misfit(inputs)
        if inputs.image is None or sentence is not None:
            raise ValueError(sentence)
        self.out_features = spec.out_features(inputs)
        self.shape = inputs.image
        self.dropout = spec.dropout
        # Stored beside the weights, which do not tell it: what a row's first numbers are.
        self.register_buffer("image", torch.tensor(inputs.image, dtype=torch.float32))
        widths = [inputs.image[0], *spec.widths]
        self.blocks = nn.ModuleList(Block(*sizes, pooling=spec.pooling) for sizes in pairwise(widths))
        self.embeddings = nn.ModuleList(
            nn.Embedding(cardinality, width, padding_idx=0)
            for cardinality, width in zip(inputs.cardinalities, inputs.embedding_widths, strict=True)
        )
        for module in self.embeddings.modules():
            if isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=EMBEDDING_DEVIATION)
                with torch.no_grad():
                    module.weight[0] = 0.0

    def batched_over_tasks(self, device: torch.device) -> bool:
        """Convolutions with stacked weights are grouped ones: good on a GPU, no gain on a CPU.

        Measured on one core, 28 × 28, 5 ways, 1 shot and 5 queries: second-order MAML stacked takes 1.3 × the time of one
        task after the other when pooled, 0.9 × strided, and the graphs of all tasks at once (benchmark T2).
        """
        return device.type != "cpu"

    def rows_at_once(self, device: torch.device) -> int | None:
        """On a CPU so many that what lies between two blocks stays in the cache."""
        return ROWS_AT_A_TIME if device.type == "cpu" else None

    def forward(self, numeric: Tensor, category: Tensor) -> Tensor:
        """Return the representation ``[n, h]`` of ``numeric`` ``[n, p]``, the pixels first, and ``category`` ``[n, q]``."""
        pixels = math.prod(self.shape)
        x = numeric[:, :pixels].reshape(-1, *self.shape)
        for block in self.blocks:
            x = block(x)
        z = x.flatten(1)
        if self.dropout:
            z = functional.dropout(z, self.dropout, self.training)
        return torch.cat(
            [z, numeric[:, pixels:], *(embed(category[:, j]) for j, embed in enumerate(self.embeddings))], 1
        )


def _laid_out(x: Tensor) -> Tensor:
    """Channels last, except on a CPU that will go back through the convolution: there that costs up to a quarter more.

    Measured on one core, 28 × 28, 80 rows, forward and backward: strided 0.205 ms a row against 0.162, pooled 0.79
    against 0.77; forward alone, pooled 0.33 against 0.38.
    """
    return x if x.device.type == "cpu" and torch.is_grad_enabled() else channels_last(x)


METHOD = Conv4
