"""The features by which a stored model reads its rows, found in another table by name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from learning.encoding import Encoding
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a job says of a table's features, and where: ``listed`` and ``excluded`` by the user, ``barred`` by their use.

    ``told_at`` is where it says which model it starts from, or what it reads.
    """

    listed: tuple[str, ...] | None
    excluded: tuple[str, ...]
    barred: Collection[str]
    told_at: str


def matched(
    sets: Sequence[tuple[str, ...]], encoding: Encoding, wanted: Wanted, table: Columns, findings: Findings
) -> tuple[str, ...] | None:
    """Of several feature ``sets`` that the table has whole, the largest; null after a problem, which names what it lacks.

    Null without a problem where the lists themselves are wrong: planning tells how.
    """
    listed = {*(wanted.listed or ())}
    if listed & {*wanted.barred} or {*listed, *wanted.excluded} - table.types.keys():
        return None
    offered = {name: kind for name, kind in table.kinds.items() if name not in {*wanted.barred, *wanted.excluded}}
    if wanted.listed is not None:
        offered = {name: kind for name, kind in offered.items() if name in listed}
    types = {column.name: column.kind for column in encoding.columns}
    largest = sorted(sets, key=len, reverse=True)
    chosen = next((own for own in largest if all(offered.get(name) == types[name] for name in own)), None)
    if chosen is None:
        detail = f"{_mismatch(largest[0], types, offered)}; in {table.table.id}"
        findings.problem(wanted.told_at, "source-feature-mismatch", detail)
        return None
    if extra := [name for name in offered if name not in chosen]:
        detail = f"the source does not know these columns, and its network does not read them: {listing(extra)}"
        findings.notice("features-not-in-source", detail, wanted.told_at)
    return chosen


def _mismatch(wanted: Sequence[str], types: Mapping[str, str], offered: Mapping[str, str]) -> str:
    lists = {
        "missing": [name for name in wanted if name not in offered],
        "of another type": [
            f"{name} ({types[name]} there, {offered[name]} here)"
            for name in wanted
            if name in offered and offered[name] != types[name]
        ],
        "extra": [name for name in offered if name not in wanted],
    }
    told = "; ".join(f"{what} {listing(names)}" for what, names in lists.items() if names)
    return f"expected every feature of the source by its name and type, found {told}"
