"""The rows of a request as table cells and group keys, in the layout of a model's encoding."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from learning.encoding.cells import FIRST_VALUE, UNSEEN, Cells
from learning.encoding.columns import Column
from learning.encoding.encoding import Encoding
from learning.errors import InputError, Notice, Problem, pointer_to
from learning.predictor.unseen import Unseen
from learning.predictor.values import (
    MAX_PROBLEMS,
    ColumnValues,
    PointerStyle,
    cell,
    not_text,
    parse_dates,
    parse_images,
    parse_numbers,
    to_datetime,
)
from learning.tasks import key_text


@dataclass(frozen=True, slots=True)
class Found:
    """What reading a request brought up: problems refuse it, notices come with the answer."""

    problems: list[Problem]
    notices: list[Notice]

    def settle(self) -> None:
        """Raises: InputError: with the first problems, if there are any."""
        if self.problems:
            raise InputError(self.problems[:MAX_PROBLEMS])


def check_names(
    given: Collection[str],
    required: Collection[str],
    known: Collection[str],
    style: PointerStyle,
    *,
    image: Column | None = None,
) -> None:
    """Check that a request brings the columns that it must, and none that the model does not know.

    Args:
        image: The column of images, which has no missing cells.

    Raises:
        InputError: ``missing-feature`` and ``unknown-feature``, one problem for each name.
    """
    first = ("rows", 0) if style == "rows" else ("columns",)
    missing = sorted(name for name in required if name not in given)
    unknown = [name for name in given if name not in known]
    problems = [
        Problem(
            pointer_to(*first, name),
            "missing-feature",
            f"expected {name[:64]!r} in every row{_or_null(name, image)}; found none",
        )
        for name in missing
    ] + [
        Problem(pointer_to(*first, name), "unknown-feature", f"expected inputs of the model only, found {name[:64]!r}")
        for name in unknown
    ]
    Found(problems, []).settle()


def _or_null(name: str, image: Column | None) -> str:
    return "" if image is not None and name == image.name else ", null where it is not known"


class Reader:
    """Reads those columns of an encoding that are among ``names``; the cells of its others are empty."""

    def __init__(self, encoding: Encoding, names: Collection[str]) -> None:
        self._encoding = encoding
        self._names = names
        self._numbers = tuple(column.name for column in encoding.numbers if column.type == "number")
        self._booleans = tuple(column.name for column in encoding.numbers if column.type == "boolean")
        self._indices: Mapping[str, Mapping[str | None, int]] = {
            column.name: {None: column.missing_index}
            | {value: index for index, value in enumerate(column.values, FIRST_VALUE)}
            for column in encoding.categories
        }

    def read(self, columns: ColumnValues, rows: int, found: Found, *, strict: bool, style: PointerStyle) -> Cells:
        """Return the cells of ``rows`` rows.

        Raises:
            InputError: ``wrong-type``, ``non-finite-value``, ``invalid-image`` and, when ``strict``, ``unseen-category``.
        """
        blocks = []
        if self._numbers:
            blocks.append(self._block(columns, "number", self._numbers, rows, found, style))
        if self._booleans:
            blocks.append(self._block(columns, "boolean", self._booleans, rows, found, style))
        dates = np.full((rows, len(self._encoding.dates)), "NaT", "datetime64[us]")
        for j, column in enumerate(self._encoding.dates):
            if column.name in self._names:
                dates[:, j], problems = parse_dates(columns[column.name], column.name, style)
                found.problems.extend(problems)
        categories = np.zeros((rows, len(self._indices)), np.int64)
        for j, (name, known) in enumerate(self._indices.items()):
            if name in self._names:
                categories[:, j] = _indices_of(columns[name], name, known, found, strict=strict, style=style)
        images = self._images(columns, found, style)
        found.settle()
        if len(blocks) == 1:
            return Cells(blocks[0], dates, categories, images)
        return Cells(np.concatenate(blocks, axis=1) if blocks else np.empty((rows, 0)), dates, categories, images)

    def _images(self, columns: ColumnValues, found: Found, style: PointerStyle) -> NDArray[np.uint8] | None:
        column = self._encoding.image
        if column is None or column.pixels is None or column.name not in self._names:
            return None
        images, problems = parse_images(columns[column.name], column.name, column.pixels.shape, style)
        found.problems.extend(problems)
        return images

    def _block(
        self,
        columns: ColumnValues,
        kind: Literal["number", "boolean"],
        names: tuple[str, ...],
        rows: int,
        found: Found,
        style: PointerStyle,
    ) -> NDArray[np.float64]:
        wanted = [name for name in names if name in self._names]
        if not wanted:
            return np.full((rows, len(names)), np.nan)
        block, problems = parse_numbers(columns, kind, wanted, style)
        found.problems.extend(problems)
        if len(wanted) == len(names):
            return block
        full = np.full((rows, len(names)), np.nan)
        full[:, [names.index(name) for name in wanted]] = block
        return full


def _indices_of(
    values: Sequence[Any],
    name: str,
    known: Mapping[str | None, int],
    found: Found,
    *,
    strict: bool,
    style: PointerStyle,
) -> list[int]:
    try:
        indices = [known.get(value, -1) for value in values]
    except TypeError:  # a list or an object, which has no hash
        indices = [-1]
    if -1 not in indices:
        return indices
    if wrong := not_text(values, "category", name, style):
        found.problems.extend(wrong)
        return [UNSEEN] * len(values)
    odd = [row for row, index in enumerate(indices) if index < 0]
    if strict:
        found.problems.extend(
            Problem(
                cell(name, row, style),
                "unseen-category",
                f"expected a value of {name[:64]!r} that training saw, found {values[row][:64]!r}",
            )
            for row in odd[:MAX_PROBLEMS]
        )
    else:
        found.notices.append(unseen_category(name, len(odd), values[odd[0]], cell(name, odd[0], style)))
    return [max(index, UNSEEN) for index in indices]


def unseen_category(name: str, rows: int, first: str, pointer: str | None) -> Unseen:
    """The warning of a column some of whose values training did not see."""
    detail = f"training did not see {first[:64]!r} in {name[:64]!r}"
    if rows > 1:
        detail += f", nor what {rows - 1} more rows hold"
    detail += "; it counts as an unknown value"
    return Unseen("unseen-category", detail, pointer, rows=rows, column=name, example=first)


def read_keys(
    columns: ColumnValues, types: Mapping[str, str], found: Found, style: PointerStyle
) -> list[tuple[str | None, ...]]:
    """Return the group key of each row, as text by the rule of `key_text`; a null part is None.

    Args:
        types: The canonical type of each group_by column, in order.

    Raises:
        InputError: ``wrong-type``, ``non-finite-value``.
    """
    parts = []
    for name, kind in types.items():
        values = columns[name]
        match kind:
            case "number" | "boolean":
                found.problems.extend(parse_numbers({name: values}, kind, [name], style)[1])
            case "date":
                found.problems.extend(parse_dates(values, name, style)[1])
            case _:
                found.problems.extend(not_text(values, kind, name, style))
        found.settle()
        parts.append([None if value is None else _key_part(value, kind) for value in values])
    return list(zip(*parts, strict=True))


def _key_part(value: Any, kind: str) -> str:
    if kind == "number":
        return key_text(float(value))
    return key_text(to_datetime(value) if kind == "date" else value)
