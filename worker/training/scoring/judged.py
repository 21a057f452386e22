"""One task of an evaluation: its labels, what each model answered for them, and what that is worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from learning.encoding.cells import numbers, texts
from learning.header import Output
from learning.metrics import test_metrics
from learning.predictor import Labels, Values
from learning.tasks import METRICS
from learning.verdict import paired

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """The labelled rows among some: ``places`` ``[m]``, and ``labels`` ``[m]``, raw units or class indices."""

    places: NDArray[np.int64]
    labels: Floats


class Judged:
    """A task whose rows come a stretch at a time. Labels and answers stay: a rank is known only among all rows."""

    def __init__(self, output: Output, models: Sequence[str]) -> None:
        self.output = output
        self._labels: list[Floats] = []
        self._answers: dict[str, list[Floats]] = {model: [] for model in models}
        self._unseen = 0

    def take(self, column: pa.ChunkedArray) -> Labelled:
        """The next rows' labels, where there are any that a model can be right about."""
        if self.output.type == "regression":
            found = numbers(column)
        else:
            cells, place = texts(column), {name: index for index, name in enumerate(self.output.classes or ())}
            known = np.array([*(place.get(value, -1) for value in cells.values), -1], np.float64)[cells.codes]
            self._unseen += int(((known < 0) & (cells.codes >= 0)).sum())
            found = np.where(known < 0, np.nan, known)
        places = np.flatnonzero(np.isfinite(found))
        self._labels.append(found[places])
        return Labelled(places, found[places])

    def add(self, model: str, labelled: Labelled, answers: Values | Labels) -> None:
        """What ``model`` answered for the rows that were taken last."""
        self._answers[model].append(answers.output[labelled.places])

    def result(self) -> dict[str, Any]:
        """Rows, metrics of each model, and the paired difference of every two of them."""
        labels = np.concatenate(self._labels)
        answers = {model: np.concatenate(parts) for model, parts in self._answers.items()}
        metric, type_ = METRICS[self.output.type][0], self.output.type
        differences = []
        for first, second in combinations(answers, 2):
            found = paired(metric, labels, answers[first], answers[second])
            told = (
                {"gain": None, "interval": None}
                if found is None
                else {"gain": found.gain, "interval": [*found.interval]}
            )
            differences.append({"model": second, "against": first, **told})
        return {
            "name": self.output.name,
            "type": type_,
            "metric": metric,
            "rows": len(labels),
            "models": {
                model: test_metrics(type_, labels, own) if len(labels) else {} for model, own in answers.items()
            },
            "differences": differences,
        }

    def warnings(self) -> list[dict[str, Any]]:
        if not self._unseen:
            return []
        detail = (
            f"{self._unseen} rows of {self.output.target[:64]!r} hold a class that no model knows; they are left out"
        )
        return [{"code": "unseen-class", "detail": detail, "rows": self._unseen, "task": self.output.name}]
