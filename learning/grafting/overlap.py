"""Whether a model may have learned from the rows that another job keeps for its test."""

from collections.abc import Collection

from learning.errors import Notice
from learning.grafting.source import datasets_of
from learning.planning.findings import listing
from learning.specs import MultitaskJob
from learning.specs.split import SplitByColumn, SplitByTime


def knows_test_rows(
    source: MultitaskJob | None, split: object, datasets: Collection[str], pointer: str
) -> Notice | None:
    """The warning of a job that reads a dataset which its source has learned from, unless both keep the same rows apart.

    A column or a border in time says for each row by itself on which side it is; every other split draws, and which rows
    it draws depends on the seed, on the tasks and on the rows that have labels.

    Args:
        source: the job that trained the source; null when it is not known.
        split: how the new job splits ``datasets``.
    """
    shared = datasets_of(source) & {*datasets} if source else frozenset[str]()
    if source is None or not shared:
        return None
    if isinstance(split, SplitByColumn | SplitByTime) and _test_part(split) == _test_part(source.split):
        return None
    detail = (
        f"the source has learned from {listing(sorted(shared))}, perhaps from rows that are for the test here, and the "
        "gain may be flattered: split both jobs by the same column or time"
    )
    return Notice("source-may-know-test-rows", detail, pointer)


def _test_part(split: object) -> object:
    """What says which rows are for the test, whatever becomes of the others."""
    match split:
        case SplitByColumn(column=column):
            return column
        case SplitByTime(time=borders):
            return borders.column, borders.test_from
        case _:
            return None
