"""Which side of the split each class or task is on: whole, so that nothing of a test task is ever trained on."""

import numpy as np
import numpy.typing as npt

from learning.episodes.pool import Units
from learning.errors import pointer_to
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.split import SIDES, TEST, TRAIN, VALIDATION, Sides, sides_by_content
from learning.planning.structure import known_key, known_sides
from learning.specs.meta import MetaJob, SplitByClasses
from learning.specs.split import SplitByColumn
from learning.tables.hashing import text_hash


def check_split(job: MetaJob, table: Columns, findings: Findings) -> None:
    """Problems of the split's form, before any unit is known."""
    split = job.split
    if isinstance(split, SplitByColumn) and known_key(split.column, table, "/split/column", findings):
        known_sides(split.column, table, "/split/column", findings)
    if isinstance(split, SplitByClasses) and job.episodes is None:
        findings.problem("/split/classes", "unknown-value", "expected classes of episodes, found tasks by a column")


def sides_of(job: MetaJob, units: Units, table: Columns, findings: Findings) -> Sides:
    """The side of every unit, ``[U] int8``: a pure function of the seed and of its name, its column or its class."""
    split, seed = job.split, job.seed or 0
    if isinstance(split, SplitByColumn):
        return _by_column(split, units, table, seed, findings)
    if isinstance(split, SplitByClasses):
        return _by_classes(split, units, seed, findings)
    return _drawn(units, np.ones(len(units.names), bool), validation=split.validation, test=split.test, seed=seed)


def _drawn(units: Units, among: npt.NDArray[np.bool_], *, validation: float, test: float, seed: int) -> Sides:
    """The sides of the units ``among`` ``[U]`` all, by a draw for each name; the others are in train."""
    sides = np.full(len(units.names), TRAIN, np.int8)
    names = np.array([text_hash(name) for name, own in zip(units.names, among, strict=True) if own], dtype=np.uint64)
    sides[among] = sides_by_content(np.zeros_like(names), names, validation=validation, test=test, seed=seed)
    return sides


def _by_column(split: SplitByColumn, units: Units, table: Columns, seed: int, findings: Findings) -> Sides:
    named = table.texts(split.column)
    side = np.array([SIDES.index(value) for value in named.values], np.int64)[named.codes]
    rows = units.codes >= 0
    count = np.zeros((len(units.names), len(SIDES)), np.int64)
    np.add.at(count, (units.codes[rows], side[rows]), 1)
    torn = np.flatnonzero((count > 0).sum(axis=1) > 1)
    if len(torn):
        what = "each task" if units.labels is not None else "each class"
        detail = (
            f"expected {what} on one side, found {len(torn)} with rows on several: "
            f"{listing(units.names[unit] for unit in torn)}"
        )
        findings.problem("/split/column", "task-split-overlap", detail)
    sides: Sides = count.argmax(axis=1).astype(np.int8)
    train = sides == TRAIN
    if not (sides == VALIDATION).any() and train.any():
        sides[train] = _drawn(units, train, validation=split.validation, test=0.0, seed=seed)[train]
    return sides


def _by_classes(split: SplitByClasses, units: Units, seed: int, findings: Findings) -> Sides:
    place = {name: unit for unit, name in enumerate(units.names)}
    sides = np.full(len(units.names), TRAIN, np.int8)
    listed = ((TEST, split.classes.test), (VALIDATION, split.classes.validation))
    for side, names in listed:
        for index, name in enumerate(names):
            pointer = pointer_to("split", "classes", SIDES[side], index)
            if name not in place:
                detail = f"expected a class of {listing(units.names)}; found {name[:64]!r}"
                findings.problem(pointer, "unknown-class", detail)
            elif sides[place[name]] not in (TRAIN, side):
                detail = f"expected each class on one side, found {name[:64]!r} in test too"
                findings.problem(pointer, "task-split-overlap", detail)
            else:
                sides[place[name]] = side
    if not split.classes.validation:
        train = sides == TRAIN
        sides[train] = _drawn(units, train, validation=split.validation, test=0.0, seed=seed)[train]
    return sides
