"""What a request to adapt says: once for all its tasks, and the rows of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from learning.errors import Problem, ProblemsError
from learning.predictor.values import ColumnValues, PointerStyle

#: JSON values by column, or a table with canonical column types.
Cells: TypeAlias = ColumnValues | pa.Table

#: The most rows of one support in a request; a larger one is a job's.
MAX_SUPPORT_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What all the tasks of a request share.

    targets: the columns of the support that are asked for; empty: the model's one target, or all of a new group's.
    steps: of methods that take steps. most_rows: of one support.
    """

    targets: tuple[str, ...] = ()
    steps: int | None = None
    most_rows: int = MAX_SUPPORT_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The rows of one task: what it learns from, and what it is then asked.

    task_key: the new group's value of each group_by column, for a grouped model. name: of the child. at, query_at, key_at:
    where the request holds them, for pointers; style, query_style: whether as rows or as columns.
    """

    support: Cells
    query: Cells | None = None
    task_key: Mapping[str, Any] | None = None
    name: str | None = None
    at: str = "/support"
    query_at: str = "/query"
    key_at: str = "/task_key"
    style: PointerStyle = "rows"
    query_style: PointerStyle = "rows"


def count_rows(cells: Cells) -> int:
    """How many rows there are, by the first column."""
    return cells.num_rows if isinstance(cells, pa.Table) else len(next(iter(cells.values()), ()))


def names_of(cells: Cells) -> Sequence[str]:
    """The names of the columns."""
    return list(cells.column_names) if isinstance(cells, pa.Table) else list(cells)


def without(cells: Cells, names: Sequence[str]) -> Cells:
    """The other columns."""
    if isinstance(cells, pa.Table):
        return cells.drop_columns([name for name in names if name in cells.column_names])
    return {name: values for name, values in cells.items() if name not in names}


def values_of(cells: Cells, name: str) -> Sequence[Any]:
    """One column as Python values."""
    return cells[name].to_pylist() if isinstance(cells, pa.Table) else cells[name]


def placed(error: ProblemsError, at: str) -> list[Problem]:
    """The problems of a part of the request, with pointers from its whole."""
    return [Problem(at + problem.pointer, problem.code, problem.detail) for problem in error.problems]
