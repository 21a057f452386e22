"""What a model answers, in the user's words and units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learning.errors import Notice
from learning.header import Output
from learning.metrics import decided
from learning.tasks import TaskType


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
        """The class that each row's probabilities decide for."""
        return [self.classes[index] for index in decided(self.probabilities).tolist()]

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
    """Return what raw outputs ``[n, units]`` answer."""
    found = meaning(output.type, raw)
    if output.type == "regression":
        return Values(found * output.deviation + output.mean)
    return Labels(output.type, output.classes or (), np.stack([1.0 - found, found], 1) if found.ndim == 1 else found)


def meaning(kind: TaskType, raw: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return what raw outputs ``[n, units]`` mean: a standardised value, a log odds, or the logits of the classes.

    Returns:
        ``[n]`` standardised values, ``[n]`` probabilities of class 1, or ``[n, C]`` of each class.
    """
    exact = raw.astype(np.float64)
    if kind == "regression":
        return exact[:, 0]
    if kind == "binary":
        with np.errstate(over="ignore"):
            p: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-exact[:, 0]))
        return p
    exact -= exact.max(axis=1, keepdims=True)
    np.exp(exact, out=exact)
    exact /= exact.sum(axis=1, keepdims=True)
    return exact
