"""A whole table as a model's input: its columns, their types, and what training did not see."""

from collections.abc import Callable, Collection, Mapping
from math import prod

import pyarrow as pa
import pyarrow.compute as pc

from learning.encoding.encoding import Encoding
from learning.errors import InputError, Problem, pointer_to
from learning.header import Input, ModelHeader
from learning.meta_header import MetaHeader
from learning.predictor.inputs import unseen_category
from learning.predictor.unseen import Unseen


def _text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


_IS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "number": lambda kind: bool(pa.types.is_floating(kind) or pa.types.is_integer(kind)),
    "boolean": pa.types.is_boolean,
    "date": lambda kind: bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind)),
    "category": _text,
    "text": _text,
}


def check_table(table: pa.Table, header: ModelHeader | MetaHeader, required: Collection[str]) -> None:
    """Check that a table has the columns ``required``, each of its type; other columns are not read.

    Raises:
        InputError: ``missing-feature``, ``wrong-type``.
    """
    problems = []
    for column in header.inputs:
        if column.name not in required:
            continue
        pointer = pointer_to("columns", column.name)
        if column.name not in table.column_names:
            problems.append(Problem(pointer, "missing-feature", f"expected a column {column.name[:64]!r}, found none"))
            continue
        found = table.schema.field(column.name).type
        # A column without any value has no type of its own.
        if not (pa.types.is_null(found) and column.image is None) and not _fits(column, found):
            detail = f"expected {column.name[:64]!r} to hold {column.kind} values, found {found}"
            problems.append(Problem(pointer, "wrong-type", detail))
    if problems:
        raise InputError(problems)


def _fits(column: Input, found: pa.DataType) -> bool:
    return bool(_IS[column.type](found)) if column.image is None else bool(found == pa.binary(prod(column.image)))


def unseen_in_table(table: pa.Table, encoding: Encoding, names: Collection[str]) -> list[Unseen]:
    """A notice for each category column of ``names`` with values that training did not see."""
    notices = []
    for column in encoding.categories:
        if column.name not in names:
            continue
        cells = table[column.name].cast(pa.string()).drop_null()
        odd = cells.filter(pc.invert(pc.is_in(cells, value_set=pa.array(column.values, pa.string()))))
        if len(odd):
            notices.append(unseen_category(column.name, len(odd), odd[0].as_py(), None))
    return notices
