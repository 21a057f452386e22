"""Which head answers a row of a grouped model: the one of its group, or the mean head."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from learning.encoding.cells import texts
from learning.errors import Problem
from learning.header import ModelHeader
from learning.predictor.inputs import Found, read_keys
from learning.predictor.unseen import Unseen
from learning.predictor.values import MAX_PROBLEMS, ColumnValues, PointerStyle, cell

_Key = tuple[str | None, ...]


class GroupTable:
    """The groups of a model by their key."""

    def __init__(self, header: ModelHeader) -> None:
        types = {column.name: column.type for column in header.inputs}
        self._types = {name: types[name] for name in header.group_by}
        self._heads: dict[_Key, int] = {head.key: head.group for head in header.heads}

    def of_columns(
        self, columns: ColumnValues, found: Found, *, strict: bool, style: PointerStyle
    ) -> NDArray[np.int64]:
        """Return the head ``[n]`` of each row, −1 for the mean head.

        Raises:
            InputError: ``wrong-type``, ``non-finite-value`` and, when ``strict``, ``unseen-group``.
        """
        keys = read_keys(columns, self._types, found, style)
        heads = [self._heads.get(key, -1) for key in keys]
        odd = [row for row, head in enumerate(heads) if head < 0]
        name = next(iter(self._types))
        if odd and strict:
            found.problems.extend(
                Problem(
                    cell(name, row, style),
                    "unseen-group",
                    f"expected a group with a head, found {self._named(keys[row])}",
                )
                for row in odd[:MAX_PROBLEMS]
            )
            found.settle()
        elif odd:
            found.notices.append(self._notice(len(odd), keys[odd[0]], cell(name, odd[0], style)))
        return np.array(heads, np.int64)

    def of_table(self, table: pa.Table, found: Found) -> NDArray[np.int64]:
        """Return the head ``[n]`` of each row of a table with canonical column types, −1 for the mean head."""
        parts = [texts(table[name]) for name in self._types]
        heads = np.full(table.num_rows, -1, np.int64)
        if table.num_rows:
            distinct, of = np.unique(np.stack([part.codes for part in parts]), axis=1, return_inverse=True)
            keys: list[_Key] = [
                tuple(part.values[code] if code >= 0 else None for code, part in zip(column, parts, strict=True))
                for column in distinct.T
            ]
            heads = np.array([self._heads.get(key, -1) for key in keys], np.int64)[of.ravel()]
            if (odd := np.flatnonzero(heads < 0)).size:
                found.notices.append(self._notice(len(odd), keys[of.ravel()[odd[0]]], None))
        return heads

    def _notice(self, rows: int, key: _Key, pointer: str | None) -> Unseen:
        more = f" and {rows - 1} more rows" if rows > 1 else ""
        detail = f"no head was trained for the group of {self._named(key)}{more}; the mean of all heads answers"
        columns = ", ".join(self._types)
        return Unseen("unseen-group", detail, pointer, rows=rows, column=columns, example=self._named(key))

    def _named(self, key: _Key) -> str:
        return "/".join(f"{name}={str(part)[:64]}" for name, part in zip(self._types, key, strict=True))
