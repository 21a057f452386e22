"""What a job says of a table's columns, checked before any cell is read."""

from collections.abc import Mapping

from learning.errors import pointer_to
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.split import SIDES
from learning.planning.times import check_times
from learning.specs.job import MultitaskJob
from learning.specs.split import SplitByColumn, SplitByGroup, SplitByTime


def split_column(job: MultitaskJob) -> str | None:
    """The column that splits the rows, null when their content does."""
    match job.split:
        case SplitByColumn(column=name) | SplitByGroup(group=name):
            return name
        case SplitByTime(time=borders):
            return borders.column
        case _:
            return None


def reserved_columns(job: MultitaskJob) -> frozenset[str]:
    """The columns that say where a row belongs, and so are no inputs."""
    name, grouped = split_column(job), job.grouped
    return frozenset({*([name] if name else []), *(grouped.group_by if grouped else ())})


def known_dataset(dataset: str, pointer: str, columns: Mapping[str, Columns], findings: Findings) -> bool:
    """False, with a problem, when the dataset is not there; whose it is or was is not said."""
    if dataset not in columns:
        findings.problem(f"{pointer}/dataset", "dataset-not-found", f"expected a dataset of yours, found {dataset!r}")
    return dataset in columns


def known_column(name: str, table: Columns, pointer: str, findings: Findings, *, code: str = "unknown-column") -> bool:
    """False, with a problem, when the table has no column of this name."""
    if name not in table.types:
        detail = f"expected a column of {table.table.id}, found {name[:64]!r}; it has {listing(table.types)}"
        findings.problem(pointer, code, detail)
    return name in table.types


def known_key(name: str, table: Columns, pointer: str, findings: Findings, *, code: str = "unknown-column") -> bool:
    """False, with a problem, when the table has no such column, or its cells are images, which can only be inputs."""
    if not known_column(name, table, pointer, findings, code=code):
        return False
    if table.types[name] == "image":
        detail = f"expected a column of values, found {name[:64]!r}, a column of images: an image can only be an input"
        findings.problem(pointer, "wrong-type", detail)
    return table.types[name] != "image"


def known_target(target: str, table: Columns, pointer: str, job: MultitaskJob, findings: Findings) -> None:
    """A problem for a target that is no column, or one that has another use in this job."""
    known_key(target, table, f"{pointer}/target", findings, code="target-not-found")
    if target in reserved_columns(job):
        detail = f"expected a target, found {target[:64]!r}, which groups or splits the rows"
        findings.problem(f"{pointer}/target", "reserved-column", detail)


def known_where(where: Mapping[str, tuple[str, ...]], table: Columns, pointer: str, findings: Findings) -> None:
    """A problem for each filter on a column that is not there."""
    for name in where:
        known_key(name, table, pointer + pointer_to("where", name), findings)


def check_split(job: MultitaskJob, columns: Mapping[str, Columns], findings: Findings) -> None:
    """Problems of a column that splits: it must be in every table, and name known sides or times on all of them."""
    name = split_column(job)
    if name is None:
        return
    split = job.split
    pointer = _POINTERS[type(split)]
    for table in columns.values():
        if not known_key(name, table, pointer, findings):
            continue
        if isinstance(split, SplitByColumn):
            known_sides(name, table, pointer, findings)
        elif isinstance(split, SplitByTime):
            check_times(split, table, findings)


_POINTERS = {SplitByColumn: "/split/column", SplitByGroup: "/split/group", SplitByTime: "/split/time/column"}


def known_sides(name: str, table: Columns, pointer: str, findings: Findings) -> None:
    """A problem for a column that holds anything but the names of sides."""
    texts = table.texts(name)
    wrong = [value for value in texts.values if value not in SIDES]
    empty = int((texts.codes < 0).sum())
    if wrong or empty:
        found = listing(wrong) + (" and " if wrong and empty else "") + (f"{empty} empty cells" if empty else "")
        detail = f"expected {listing(SIDES)} in {name!r} of {table.table.id}, found {found}"
        findings.problem(pointer, "unknown-value", detail)
