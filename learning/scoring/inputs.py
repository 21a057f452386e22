"""Whether a dataset brings what a model reads, and its rows in the form the model takes them."""

from collections.abc import Collection, Iterable, Mapping
from math import prod

import pyarrow as pa

from learning.header import Input, ModelHeader
from learning.meta_header import MetaHeader
from learning.planning.findings import listing
from learning.tables import Table

#: Both are strings: which of them a column was taken for depends on how many values the table at hand has.
_STRINGS = frozenset({"category", "text"})
_STORAGE: Mapping[str, pa.DataType] = {
    "number": pa.float64(),
    "category": pa.string(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "date": pa.timestamp("us"),
}


def misfit(header: ModelHeader | MetaHeader, required: Collection[str], table: Table) -> str | None:
    """What keeps a model from reading the table's columns ``required``, as one sentence; None when nothing does.

    Columns are matched by name, in any order, and further ones are not read. One without any value fits every type.
    """
    wanted = {column.name: column.kind for column in header.inputs if column.name in required}
    missing = [name for name in wanted if name not in table.types]
    odd = [
        f"{name} ({kind} there, {table.kinds[name]} here)"
        for name, kind in wanted.items()
        if name in table.types and not _fits(kind, table.kinds[name]) and not _may_be_empty(kind, table, name)
    ]
    if not missing and not odd:
        return None
    found = [f"missing {listing(missing)}"] if missing else []
    found += [f"of another type {listing(odd)}"] if odd else []
    return f"expected every input of the model by its name and type, found {'; '.join(found)}"


def _fits(wanted: str, found: str) -> bool:
    return wanted == found or {wanted, found} <= _STRINGS


def _may_be_empty(wanted: str, table: Table, name: str) -> bool:
    """Whether the column has no value, where that is a value: an image is never missing."""
    return not wanted.startswith("image") and bool(table.read([name]).column(0).null_count == table.rows)


def _storage(column: Input) -> pa.DataType:
    return _STORAGE[column.type] if column.image is None else pa.binary(prod(column.image))


def readable(rows: pa.Table, header: ModelHeader, names: Iterable[str]) -> pa.Table:
    """The columns ``names`` of ``rows`` in the model's own types: an empty column may have come as another one."""
    inputs = {column.name: column for column in header.inputs}
    wanted = {name: _storage(inputs[name]) for name in names}
    columns = {
        name: rows[name] if rows[name].type == kind else pa.nulls(rows.num_rows, kind) for name, kind in wanted.items()
    }
    return pa.table(columns) if columns else rows  # a model that reads nothing still answers every row
