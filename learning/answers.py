"""What a model answers, in the user's words and units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learning.errors import Notice
from learning.header import Output


@dataclass(frozen=True, eq=False, slots=True)
class Values:
    """A regression's answers: ``values`` ``[n]`` in the target's units."""

    values: NDArray[np.float64]

    @property
    def output(self) -> NDArray[np.float64]:
        """What `learning.metrics` and `learning.verdict` measure, ``[n]``."""
        return self.values

    def to_json(self) -> dict[str, Any]:
        return {"values": self.values.tolist()}


@dataclass(frozen=True, eq=False, slots=True)
class Labels:
    """A classification's answers: ``probabilities`` ``[n, C]`` in the order of ``classes``."""

    type: Literal["binary", "multiclass"]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]

    @property
    def output(self) -> NDArray[np.float64]:
        """What `learning.metrics` and `learning.verdict` measure: ``[n]`` of class 1 when binary, else ``[n, C]``."""
        return self.probabilities[:, 1] if self.type == "binary" else self.probabilities

    @property
    def labels(self) -> list[str]:
        """The most probable class of each row; of a binary task at one half, the second."""
        p = self.probabilities
        best = p.argmax(axis=1) if self.type == "multiclass" else (p[:, 1] >= 0.5).astype(np.int64)
        return [self.classes[index] for index in best.tolist()]

    def to_json(self) -> dict[str, Any]:
        return {
            "labels": self.labels,
            "classes": list(self.classes),
            "probabilities": self.probabilities.tolist(),
        }


@dataclass(frozen=True, eq=False, slots=True)
class Prediction:
    """The answers by the name of the output, a listed task or a target, and what to warn of."""

    by_task: Mapping[str, Values | Labels]
    notices: tuple[Notice, ...]

    def to_json(self) -> dict[str, dict[str, Any]]:
        return {name: answers.to_json() for name, answers in self.by_task.items()}


def answer(output: Output, raw: NDArray[np.float32]) -> Values | Labels:
    """Return what raw outputs ``[n, units]`` mean: a standardised value, a log odds, or the logits of the classes."""
    exact = raw.astype(np.float64)
    if output.type == "regression":
        return Values(exact[:, 0] * output.deviation + output.mean)
    classes = output.classes or ()
    if output.type == "binary":
        with np.errstate(over="ignore"):
            p = 1.0 / (1.0 + np.exp(-exact[:, 0]))
        return Labels("binary", classes, np.stack([1.0 - p, p], axis=1))
    exact -= exact.max(axis=1, keepdims=True)
    np.exp(exact, out=exact)
    exact /= exact.sum(axis=1, keepdims=True)
    return Labels("multiclass", classes, exact)
