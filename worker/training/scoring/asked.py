"""One stored model asked about one table, row group by row group: what is in memory does not grow with the rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from learning.predictor import Labels, Predictor, Unseen, Values
from learning.scoring import readable
from learning.tables import Table

#: Answers computed at a time, rows times outputs: 32 MB of them.
_VALUES = 4_000_000
_LEAST_ROWS, _MOST_ROWS = 1_024, 65_536
#: A table of thousands of columns shall not drown the result.
_MOST_WARNINGS = 50


class Asked:
    """A model, the answers that are wanted of it, and what it met in the rows so far."""

    def __init__(self, predictor: Predictor, tasks: Sequence[str] | None = None) -> None:
        self.predictor = predictor
        self.tasks = tasks
        self.columns = sorted(self.predictor.reads(tasks))
        self._unseen: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}

    def answer(self, rows: pa.Table) -> Mapping[str, Values | Labels]:
        """The answers for the next rows ``[n]`` of the table, by task.

        Raises:
            ModelUnhealthy: an answer is not finite.
        """
        own = readable(rows, self.predictor.header, self.columns)
        prediction = self.predictor.predict_table(own, tasks=self.tasks)
        for met in prediction.notices:
            if isinstance(met, Unseen):
                self._unseen[met.code, met.column] += met.rows
                self._examples.setdefault((met.code, met.column), met.example)
        return prediction.by_task

    def warnings(self) -> list[dict[str, Any]]:
        """What training did not see, with the number of rows that it concerns."""
        return [
            {
                "code": code,
                "detail": f"{rows} rows hold what training did not see in {column[:64]!r}, "
                f"such as {self._examples[code, column][:64]!r}; {_ANSWERED[code]}",
                "rows": rows,
            }
            for (code, column), rows in list(self._unseen.items())[:_MOST_WARNINGS]
        ]


_ANSWERED = {
    "unseen-category": "it counts as an unknown value",
    "unseen-group": "the mean of all heads answers",
}


def rows_at_a_time(*asked: Asked) -> int:
    """How many rows to read at once, so that the answers of these models stay small."""
    outputs = sum(len(output.classes or ()) or 1 for one in asked for output in one.predictor.header.outputs)
    return min(_MOST_ROWS, max(_LEAST_ROWS, _VALUES // max(1, outputs)))


def columns_of(table: Table, names: Sequence[str]) -> list[str]:
    """The columns to read, each once; some column where a model reads none, for its rows are still to be counted."""
    return list(dict.fromkeys(names)) or [next(iter(table.types))]
