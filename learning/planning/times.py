"""A split by time: where its borders lie in a column, and what a column must hold for them."""

from typing import Any

import numpy as np

from learning.planning.columns import Columns
from learning.planning.findings import Findings
from learning.specs.split import SplitByTime, moment

_KINDS = ("date", "number")


def since_1970(border: float | str) -> float | int:
    """A border as ``Columns.times`` counts: microseconds since 1970 for a date."""
    return int(np.datetime64(moment(border), "us").astype(np.int64)) if isinstance(border, str) else border


def check_times(split: SplitByTime, table: Columns, findings: Findings) -> None:
    """Problems of a table's column of times: another type, empty cells, or no row on a side of a border."""
    name, kind = split.time.column, table.types[split.time.column]
    if kind not in _KINDS:
        detail = f"expected a column of dates or numbers, found {name!r} of {table.table.id}, a {kind}"
        findings.problem("/split/time/column", "wrong-type", detail)
        return
    if missing := table.missing(name):
        detail = f"expected a time in every row of {table.table.id}, found {missing} empty cells of {name!r}"
        findings.problem("/split/time/column", "unknown-value", detail)
        return
    borders = {"test_from": split.time.test_from, "validation_from": split.time.validation_from}
    wrong = {field: found for field, found in borders.items() if found is not None and _kind(found) != kind}
    for field, found in wrong.items():
        detail = f"expected a {kind} as {name!r} of {table.table.id} holds, found {found!r}"
        findings.problem(f"/split/time/{field}", "wrong-type", detail)
    if not wrong and table.rows:
        _check_borders(split, table, findings)


def _kind(border: float | str) -> str:
    return "date" if isinstance(border, str) else "number"


def _check_borders(split: SplitByTime, table: Columns, findings: Findings) -> None:
    times, name = table.times(split.time.column), table.table.id
    test, first, last = since_1970(split.time.test_from), times.min(), times.max()
    if last < test:
        _empty("test_from", f"from it on, found the last at {_shown(last, split)}", name, findings)
    elif first >= test:
        _empty("test_from", f"before it, found the first at {_shown(first, split)}", name, findings)
    elif split.time.validation_from is not None:
        validation = since_1970(split.time.validation_from)
        if first >= validation:
            _empty("validation_from", f"before it, found the first at {_shown(first, split)}", name, findings)
        elif not ((times >= validation) & (times < test)).any():
            _empty("validation_from", "from it up to test_from, found none", name, findings)


def _empty(field: str, where: str, table: str, findings: Findings) -> None:
    findings.problem(f"/split/time/{field}", "out-of-range", f"expected rows of {table} {where}")


def _shown(found: Any, split: SplitByTime) -> str:
    return str(np.datetime64(int(found), "us")) if isinstance(split.time.test_from, str) else f"{found:g}"
