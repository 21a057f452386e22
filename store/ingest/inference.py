"""From what was seen in every cell of a column to its type: facts are gathered batch by batch, the decision is pure.

Whole files are judged, never a first block, and the result does not depend on how a file was cut into batches, with one
exception: ``distinct`` (a sum over batches, an upper bound) may tell text from category only where they are close.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from store.ingest.errors import IngestError, problem

SHOWN = 5  # rows named in an error
LARGEST = 1e150  # beyond it a square overflows a double
EXACT = 2.0**53  # beyond it a double skips integers
TEXT_LENGTH = 25  # mean bytes from which distinct strings with spaces are text


@dataclass(frozen=True)
class Facts:
    """What the cells of one column are. Every field is a count or a list, so two parts of a column add up."""

    missing: int = 0
    numbers: int = 0
    booleans: int = 0
    dates: int = 0
    others: int = 0
    images: int = 0
    fractional: int = 0  # numbers that are not written as whole numbers
    exact: int = 0  # whole numbers that a double would change: leading zeros, 2^53 and beyond
    ambiguous: int = 0  # of the others: dates of which day, month and year could be exchanged
    distinct: int = 0  # of the others, counted in each batch
    spaced: int = 0  # of the others: with white space inside
    length: int = 0  # bytes of all others
    infinite: tuple[tuple[int, str], ...] = ()  # (row, as written) of the first SHOWN
    too_large: tuple[tuple[int, str], ...] = ()

    def __add__(self, other: "Facts") -> "Facts":
        sums = {field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)}
        sums["infinite"] = sums["infinite"][:SHOWN]
        sums["too_large"] = sums["too_large"][:SHOWN]
        return Facts(**sums)

    @property
    def cells(self) -> int:
        return self.numbers + self.booleans + self.dates + self.others + self.images


def kind_of(facts: Facts) -> str:
    """The column type: what all cells have in common. A column without cells is a number column of missing ones."""
    if facts.images:
        return "image"
    if facts.cells == facts.numbers:
        return "category" if is_identifier(facts) else "number"
    if facts.cells == facts.booleans:
        return "boolean"
    if facts.cells == facts.dates:
        return "date"
    return "text" if _is_text(facts) else "category"


def is_identifier(facts: Facts) -> bool:
    """Whole numbers throughout, some of which a double cannot hold as written: names, not quantities."""
    return facts.exact > 0 and facts.fractional == 0 and facts.numbers == facts.cells


def _is_text(facts: Facts) -> bool:
    """Mostly different strings of several words."""
    return (
        facts.length >= TEXT_LENGTH * facts.cells
        and facts.spaced * 2 >= facts.cells
        and facts.distinct * 2 > facts.cells
        and facts.others == facts.cells
    )


def refuse_wild_numbers(name: str, facts: Facts) -> None:
    """Raises:
    IngestError: 422 ``non-finite-value`` or ``out-of-range`` with the first rows of a number column that holds such.
    """
    infinite = "expected finite numbers, found an infinity (leave the cell empty if the value is missing)"
    too_large = "expected numbers of at most 1e150 in size, whose squares a double can hold"
    problems = [
        problem("non-finite-value", infinite, row=row, column=name, actual=text) for row, text in facts.infinite
    ]
    problems += [
        problem("out-of-range", too_large, row=row, column=name, limit=LARGEST, actual=text)
        for row, text in facts.too_large
    ]
    if problems:
        raise IngestError(problems)


def wild_rows(values: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the infinities and of the finite numbers beyond ``LARGEST`` in ``values`` [n]; NaN is neither."""
    sizes = np.abs(values)
    if not (sizes > LARGEST).any():
        nothing = np.empty(0, dtype=np.intp)
        return nothing, nothing
    infinite = np.isinf(sizes)
    return np.flatnonzero(infinite), np.flatnonzero((sizes > LARGEST) & ~infinite)


def column_warnings(index: int, name: str, kind: str, facts: Facts) -> list[dict[str, str]]:
    """What the uploader should know about how column ``index`` was understood."""
    found = []
    kinds = {"numbers": facts.numbers, "booleans": facts.booleans, "dates": facts.dates, "other text": facts.others}
    beside = [f"{count} {word}" for word, count in kinds.items() if count]
    if kind in ("category", "text") and len(beside) > 1 and (facts.numbers or facts.dates):
        found.append(("mixed-types", f"{name!r} holds {' and '.join(beside)}; it is kept as {kind}"))
    if kind == "category" and facts.ambiguous and facts.ambiguous == facts.cells:
        found.append(
            ("ambiguous-date", f"{name!r} looks like dates that are not ISO 8601 (2026-01-31); it is kept as category")
        )
    if kind == "category" and is_identifier(facts):
        detail = "whole numbers with leading zeros or of 2^53 and more, which a double would change"
        found.append(("high-cardinality", f"{name!r} holds {detail}; it is kept exactly, as category"))
    if kind == "number" and is_identifier(facts):
        found.append(
            (
                "rounded-numbers",
                f"{name!r} holds whole numbers of 2^53 and more or with leading zeros; doubles round them",
            )
        )
    return [{"code": code, "detail": detail[:300], "pointer": f"/columns/{index}"} for code, detail in found]
