"""Which columns are inputs: matched by name, never a target, and shared by the tables at least in part."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.structure import known_column


@dataclass(frozen=True, slots=True)
class Request:
    """What one task, or one grouped table, says of its inputs, and where it says so.

    ``targets`` are the table's targets in the whole job; ``reserved`` its ``group_by`` and split columns.
    """

    pointer: str
    features: tuple[str, ...] | None
    exclude: tuple[str, ...]
    targets: Collection[str]
    reserved: Collection[str]


def choose(request: Request, table: Columns, findings: Findings) -> tuple[str, ...]:
    """The feature columns of a request, in its order or in the table's; empty after a problem."""
    types = table.types
    sound = _known(request.exclude, table, f"{request.pointer}/exclude", findings)
    if request.features is None:
        unwanted = {*request.exclude, *request.targets, *request.reserved}
        wanted = tuple(name for name in types if name not in unwanted)
    else:
        sound &= _listed_are_inputs(request, table, findings)
        wanted = tuple(dict.fromkeys(name for name in request.features if name not in request.exclude))
    if not sound:
        return ()
    chosen = tuple(name for name in wanted if types[name] != "text")
    if dropped := [name for name in wanted if types[name] == "text"]:
        detail = f"columns of text are no inputs and were left out of {table.table.id}: {listing(dropped)}"
        findings.notice("text-dropped", detail, f"{request.pointer}/features")
    if not chosen:
        detail = (
            "expected at least one column of numbers, categories, booleans, dates or images to learn from, found none"
        )
        findings.problem(f"{request.pointer}/features", "no-features", detail)
    return chosen


def _known(names: Sequence[str], table: Columns, pointer: str, findings: Findings) -> bool:
    missing = [
        index for index, name in enumerate(names) if not known_column(name, table, f"{pointer}/{index}", findings)
    ]
    return not missing


def _listed_are_inputs(request: Request, table: Columns, findings: Findings) -> bool:
    listed, pointer = request.features or (), f"{request.pointer}/features"
    sound = _known(listed, table, pointer, findings)
    for index, name in enumerate(listed):
        if name in request.targets:
            detail = f"expected an input, found {name[:64]!r}, a target of this job: it would be given away"
            findings.problem(f"{pointer}/{index}", "target-is-feature", detail)
            sound = False
        elif name in request.reserved:
            detail = f"expected an input, found {name[:64]!r}, which groups or splits the rows"
            findings.problem(f"{pointer}/{index}", "reserved-column", detail)
            sound = False
    return sound


def check_types(
    chosen: Sequence[tuple[str, str, tuple[str, ...]]], types: Mapping[str, Mapping[str, str]], findings: Findings
) -> None:
    """A problem where two tables disagree in the type of a feature, or in the shape of its images.

    Args:
        chosen: (pointer, dataset, features) of each task.
        types: the column types of each dataset, in words.
    """
    merged: dict[str, str] = {}
    owner: dict[str, str] = {}
    for pointer, dataset, features in chosen:
        for name in features:
            found = types[dataset][name]
            if merged.setdefault(name, found) != found:
                detail = (
                    f"expected {name!r} to be of one type in all tables, found {merged[name]} in {owner[name]} "
                    f"and {found} in {dataset}; upload it with types=, or exclude it"
                )
                findings.problem(f"{pointer}/features", "schema-mismatch", detail)
            owner.setdefault(name, dataset)


def check_overlap(chosen: Sequence[tuple[str, str, tuple[str, ...]]], findings: Findings) -> None:
    """A problem for every table that shares no feature with any other: nothing could be learned together."""
    tables: dict[str, set[str]] = {}
    pointers: dict[str, str] = {}
    for pointer, dataset, features in chosen:
        tables.setdefault(dataset, set()).update(features)
        pointers.setdefault(dataset, pointer)
    if len(tables) < 2:
        return
    for dataset, inputs in tables.items():
        others = set[str]().union(*(found for name, found in tables.items() if name != dataset))
        if not inputs & others:
            detail = (
                f"expected a feature of {dataset} in another table, found none in common: "
                f"it has {listing(sorted(inputs))}; the others have {listing(sorted(others))}"
            )
            findings.problem(f"{pointers[dataset]}/dataset", "schema-mismatch", detail)
