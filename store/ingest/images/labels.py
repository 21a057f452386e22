"""What an archive says of its pictures beside the pixels: a folder for each class, or the columns of a ``labels.csv``."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from unicodedata import normalize

import pyarrow as pa

from store.ingest.csv_file import CsvFile
from store.ingest.errors import IngestError, problem, refusal
from store.ingest.images.column import NAME
from store.ingest.inference import SHOWN, Facts
from store.ingest.limits import IngestLimits, IngestOptions
from store.ingest.text_cells import TextCells

FILE, LABEL, LABELS = "file", "label", "labels.csv"


class Labels:
    """One column beside the pictures, whole: it is judged once, and then given out in stretches."""

    def __init__(self, cells: TextCells, facts: Facts) -> None:
        self.name = cells.name
        self.facts = facts
        self._cells = cells
        self._values: dict[str, pa.Array] = {}

    def values(self, kind: str, start: int, rows: int) -> pa.Array:
        """Values of ``kind`` from row ``start`` on."""
        if kind not in self._values:
            self._values = {kind: self._cells.to(kind)}
        return self._values[kind].slice(start, rows)


def labels_entry(names: Sequence[str]) -> str | None:
    """The name of the ``labels.csv`` among the files, if there is one.

    Raises:
        IngestError: 422 ``label-mismatch`` when there are several.
    """
    found = [name for name in names if name.rpartition("/")[2].casefold() == LABELS]
    if len(found) > 1:
        raise mismatch(f"expected one {LABELS}, found {len(found)}", entry=found[1])
    return found[0] if found else None


def by_folder(names: Sequence[str], limits: IngestLimits) -> tuple[list[str], list[Labels]]:
    """The pictures in the order of their names, and the column ``label``: the folders that they lie in.

    Folders that all pictures share say nothing and are left out; where pictures lie in several depths the rest of the path
    is the class, as in ``greek/alpha``. A class is a category, also when it is called ``7``.
    """
    order = sorted(names)
    folders = [name.split("/")[:-1] for name in order]
    loose = next((name for name, parts in zip(order, folders, strict=True) if not parts), None)
    if loose is not None:
        detail = f"expected a folder for each class, or a {LABELS} (the columns {FILE} and labels), found neither"
        raise mismatch(detail, entry=loose)
    shared = 0
    least, most = min(folders), max(folders)  # what the first and the last of them share, all share
    while shared < len(least) and shared < len(most) and least[shared] == most[shared]:
        shared += 1
    shared = min(shared, min(map(len, folders)) - 1)
    cells = pa.array(["/".join(parts[shared:]) for parts in folders], pa.string())
    text = TextCells(LABEL, cells, first_row=1, decimal=".", cell_bytes=limits.cell_bytes)
    return order, [Labels(text, Facts(others=len(order)))]


def by_table(
    content: bytes, entry: str, names: Sequence[str], options: IngestOptions, limits: IngestLimits, scratch: Path
) -> tuple[list[str], list[Labels], list[dict[str, str]]]:
    """The pictures in the order of the rows of the table ``entry``, its other columns, and its warnings.

    Args:
        names: of the pictures; the cells of ``file`` are relative to the folder of the table.
        scratch: where the table may lie for a moment.
    """
    scratch.write_bytes(content)
    try:
        table = CsvFile(scratch, replace(options, types={}), limits)
        columns = _whole(table, options, limits)
    except IngestError as error:
        raise IngestError([{**told, "entry": entry} for told in error.problems], status=error.status) from None
    if FILE not in columns:
        raise mismatch(f"expected a column {FILE} in {LABELS}, found {', '.join(columns)[:200]}", entry=entry)
    if NAME in columns:
        detail = f"expected no column {NAME} in {LABELS}: the pictures have that name"
        raise refusal("duplicate-column", detail, column=NAME, entry=entry)
    base = entry.rpartition("/")[0]
    order = _matched(columns.pop(FILE), f"{base}/" if base else "", names, entry)
    if not columns:
        raise mismatch(f"expected a column of labels beside {FILE}, found none", entry=entry)
    return order, [Labels(cells, cells.facts()) for cells in columns.values()], table.warnings


def _whole(table: CsvFile, options: IngestOptions, limits: IngestLimits) -> dict[str, TextCells]:
    batches = list(table.batches())
    return {
        name: TextCells(
            name,
            pa.concat_arrays([batch[index].cells for batch in batches] or [pa.nulls(0, pa.string())]),
            first_row=1,
            decimal=options.decimal,
            cell_bytes=limits.cell_bytes,
        )
        for index, name in enumerate(table.names)
    }


def _matched(files: TextCells, base: str, names: Sequence[str], entry: str) -> list[str]:
    """The picture of each row; every picture is named once, and nothing else is."""
    known = dict.fromkeys(names, 0)
    example = min(names).removeprefix(base)[-64:]
    order: list[str] = []
    problems: list[dict[str, object]] = []
    for row, written in enumerate(files.cells, start=1):
        cell = written.as_py() or ""
        name = base + normalize("NFC", cell.strip())
        if name not in known:
            detail = f"expected the name of an image of this archive, such as {example!r}, found another"
            problems.append(_row_problem(detail, row, cell, entry))
        elif known[name]:
            detail = f"expected each image once, found it in row {known[name]} too"
            problems.append(_row_problem(detail, row, cell, entry))
        else:
            known[name] = row
        if len(problems) == 2 * SHOWN:
            raise IngestError(problems)
        order.append(name)
    missing = (name for name, row in known.items() if not row)
    problems += [
        problem("label-mismatch", f"expected a row of {LABELS} for every image, found none for this one", entry=name)
        for name in islice(missing, SHOWN)
    ]
    if problems:
        raise IngestError(problems[: 2 * SHOWN])
    return order


def _row_problem(detail: str, row: int, written: str, entry: str) -> dict[str, object]:
    return problem("label-mismatch", detail, row=row, column=FILE, actual=written, entry=entry)


def mismatch(detail: str, *, entry: str) -> IngestError:
    return refusal("label-mismatch", detail, entry=entry)
