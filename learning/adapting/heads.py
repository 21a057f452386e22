"""What one target of one support learned in closed form: its head, and what the check is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learning.adapting.basis import Block, padded
from learning.adapting.check import Check, judged
from learning.adapting.labels import Labelled
from learning.adapting.logistic import logistic
from learning.adapting.ridge import Fit, ridge
from learning.errors import ModelUnhealthy
from learning.header import Output
from learning.metrics import decided
from learning.predictor.answers import Values, answer

#: The most numbers of the representations that are solved together.
MOST_NUMBERS = 1 << 22
Prior = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """``weight`` ``[units, h]`` and ``bias`` ``[units]`` of what ``task`` asks; ``strength`` is null for the prior itself.

    left_out, before: raw outputs ``[m, units]`` of the m labelled rows, by the heads of the others and by the prior.
    """

    task: Labelled
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float | None
    left_out: NDArray[np.float32]
    before: NDArray[np.float32] | None

    @property
    def rows(self) -> int:
        return int(self.task.there.sum())

    def raw(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """The raw outputs ``[n, units]`` of representations ``z`` ``[n, h]``."""
        out: NDArray[np.float32] = z @ self.weight.T + self.bias
        return out


def heads(tasks: Sequence[Labelled], z: Sequence[NDArray[np.float32]], prior: Prior | None) -> list[Head]:
    """Return the heads of many tasks; those of one kind are solved together.

    Args:
        z: the representations ``[n, h]`` of each support. prior: the mean head, for the tasks that the model knows.

    Raises:
        ModelUnhealthy: a representation, or what is solved with it, is not finite.
    """
    finite(*z)
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, task in enumerate(tasks):
        alike.setdefault((task.output.type, task.known, len(task.output.classes or ())), []).append(place)
    found: dict[int, Head] = {}
    for (_, known, _), places in alike.items():
        for some in _portions(sorted(places, key=lambda place: len(z[place])), z):
            solved = _solved([tasks[place] for place in some], [z[place] for place in some], prior if known else None)
            found |= dict(zip(some, solved, strict=True))
    return [found[place] for place in range(len(tasks))]


def check_of(head: Head, *, query: tuple[NDArray[np.float32], NDArray[np.float64]] | None, left: bool = True) -> Check:
    """Judge a head; ``query`` are the representations and the labels of its queries."""
    task = head.task
    labels = task.labels[task.there]
    left_out = losses(task.output, head.left_out, labels) if left and len(labels) > 1 else None
    before = losses(task.output, head.before, labels) if head.before is not None else without_prior(task.output, labels)
    if left_out is not None and head.before is None and task.output.type != "regression":
        # what nothing else of the support teaches cannot be left out of it
        left_out[np.bincount(labels.astype(np.int64))[labels.astype(np.int64)] < 2] = np.nan
    asked = None if query is None else losses(task.output, head.raw(query[0]), query[1])
    return judged(left_out, before, classes=task.output.type != "regression", query=asked)


def losses(output: Output, raw: NDArray[np.float32], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The squared errors ``[n]`` in the user's units, or 1 for each wrong class."""
    found = answer(output, raw)
    if isinstance(found, Values):
        errors: NDArray[np.float64] = (found.values - labels) ** 2
        return errors
    wrong: NDArray[np.float64] = (decided(found.probabilities) != labels).astype(np.float64)
    return wrong


def without_prior(output: Output, labels: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The losses of those who know nothing of the task: the mean of the other rows, or the most frequent class of all."""
    if output.type != "regression":
        wrong: NDArray[np.float64] = (labels != np.bincount(labels.astype(np.int64)).argmax()).astype(np.float64)
        return wrong
    if len(labels) < 2:
        return None
    errors: NDArray[np.float64] = ((labels - labels.mean()) * (len(labels) / (len(labels) - 1))) ** 2
    return errors


def finite(*blocks: NDArray[np.floating]) -> None:
    """Raises: ModelUnhealthy."""
    if not all(np.isfinite(block).all() for block in blocks):
        raise ModelUnhealthy("expected finite outputs of the model, found infinity or NaN")


def _portions(places: Sequence[int], z: Sequence[NDArray[np.float32]]) -> list[list[int]]:
    """Places in order of their rows, cut so that none of the padded blocks is large."""
    parts: list[list[int]] = [[]]
    for place in places:
        size = z[place].size + len(z[place])
        if parts[-1] and (len(parts[-1]) + 1) * size > MOST_NUMBERS:
            parts.append([])
        parts[-1].append(place)
    return parts


def _solved(tasks: Sequence[Labelled], z: Sequence[NDArray[np.float32]], prior: Prior | None) -> list[Head]:
    rows, there = padded([own[task.there] for task, own in zip(tasks, z, strict=True)])
    labels = np.zeros(there.shape)
    for place, task in enumerate(tasks):
        labels[place, there[place]] = task.scaled[task.there]
    exact = None if prior is None else (prior[0].astype(np.float64), prior[1].astype(np.float64))
    output = tasks[0].output
    if output.type == "regression":
        fit = ridge(rows, labels, there, None if exact is None else (exact[0][0], float(exact[1][0])))
    else:
        units = len(output.classes or ()) if output.type == "multiclass" else 1
        fit = logistic(rows, labels, there, exact, units=units)
    finite(fit.weight, fit.bias, fit.left_out)
    return [_head(fit, place, task, rows, there, exact) for place, task in enumerate(tasks)]


def _head(
    fit: Fit, place: int, task: Labelled, rows: Block, there: NDArray[np.bool_], prior: tuple[Block, Block] | None
) -> Head:
    own = there[place]
    before = None if prior is None else (rows[place, own] @ prior[0].T + prior[1]).astype(np.float32)
    strength = float(fit.strength[place])
    return Head(
        task=task,
        weight=fit.weight[place].astype(np.float32),
        bias=fit.bias[place].astype(np.float32),
        strength=strength if np.isfinite(strength) else None,
        left_out=fit.left_out[place, own].astype(np.float32),
        before=before,
    )
