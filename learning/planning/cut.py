"""The rows that each source cuts from its dataset, and on which side of the split, or in which fold, each of them lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.folds import Folds
from learning.planning.grouping import Codes
from learning.planning.split import (
    Sides,
    block_hashes,
    cluster_hashes,
    sides_by_cluster,
    sides_by_column,
    sides_by_content,
    sides_by_time,
)
from learning.planning.targets import Labels
from learning.planning.times import since_1970
from learning.specs.split import Split, SplitByBlocks, SplitByColumn, SplitByFolds, SplitByGroup, SplitByTime
from learning.tables.hashing import Hashes, mix
from learning.tasks import Source


@dataclass(frozen=True, slots=True)
class Cut:
    """One source's rows of a dataset: those with a label and a task for it. All arrays are ``[m]`` or ``[m, J]``."""

    row: npt.NDArray[np.int64]
    code: Codes
    group: npt.NDArray[np.int32]
    labels: Labels
    task_of: npt.NDArray[np.int32]
    trained: npt.NDArray[np.bool_]


def sides_of(
    cuts: Sequence[Cut], sources: Sequence[Source], split: Split, columns: Mapping[str, Columns], *, seed: int
) -> tuple[Sides, npt.NDArray[np.int64] | None]:
    """The side of every row of every cut, and its cluster where clusters are divided and not rows."""
    if isinstance(split, SplitByTime):
        times = [
            columns[source.dataset].times(split.time.column)[cut.row] for source, cut in zip(sources, cuts, strict=True)
        ]
        later = split.time.validation_from
        # One border over all tables: what a model learns from one must not lie after what it is asked of another.
        sides = sides_by_time(
            np.concatenate(times),
            test_from=since_1970(split.time.test_from),
            validation_from=None if later is None else since_1970(later),
            validation=split.validation,
        )
        return sides, None
    if isinstance(split, SplitByGroup | SplitByBlocks):
        clusters, cells = _clusters(cuts, sources, split, columns)
        return sides_by_cluster(clusters, cells, validation=split.validation, test=split.test, seed=seed)
    by_dataset = {
        dataset: _dataset_sides(
            [(place, cut) for place, cut in enumerate(cuts) if sources[place].dataset == dataset],
            split,
            columns[dataset],
            seed=seed,
        )
        for dataset in {source.dataset for source in sources}
    }
    found = [by_dataset[source.dataset][cut.row] for source, cut in zip(sources, cuts, strict=True)]
    return np.concatenate(found), None


def _clusters(
    cuts: Sequence[Cut], sources: Sequence[Source], split: SplitByGroup | SplitByBlocks, columns: Mapping[str, Columns]
) -> tuple[Hashes, Hashes]:
    """What stays together and among what it is divided, ``[m]`` each over the rows of all cuts."""
    if isinstance(split, SplitByGroup):
        found = [
            cluster_hashes(columns[source.dataset].texts(split.group))[cut.row]
            for source, cut in zip(sources, cuts, strict=True)
        ]
        # One draw over all tables: a patient is on one side in each of them.
        return np.concatenate(found), np.zeros(sum(map(len, found)), dtype=np.uint64)
    place = {dataset: index for index, dataset in enumerate(dict.fromkeys(source.dataset for source in sources))}
    cells = [np.full(len(cut.row), place[source.dataset]) for source, cut in zip(sources, cuts, strict=True)]
    rows = np.concatenate([cut.row for cut in cuts])
    dataset = np.concatenate(cells).astype(np.uint64)
    return block_hashes(rows, dataset, size=split.blocks), dataset


def folds_of(
    cuts: Sequence[Cut],
    sources: Sequence[Source],
    untaught: npt.NDArray[np.bool_],
    split: SplitByFolds,
    columns: Mapping[str, Columns],
    *,
    seed: int,
) -> Folds:
    """The folds of the rows of all cuts; each dataset is divided by itself, as its rows have cells of their own."""
    cells: dict[str, Hashes] = {}
    for position, dataset in enumerate(dict.fromkeys(source.dataset for source in sources)):
        mine = [(place, cut) for place, cut in enumerate(cuts) if sources[place].dataset == dataset]
        cells[dataset] = mix(_cells(mine, columns[dataset].rows) ^ mix(np.array([position], dtype=np.uint64)))
    of = [(source.dataset, cut.row) for source, cut in zip(sources, cuts, strict=True)]
    return Folds.deal(
        np.concatenate([cells[dataset][row] for dataset, row in of]),
        np.concatenate([columns[dataset].table.fingerprint.rows[row] for dataset, row in of]),
        untaught,
        count=split.folds,
        validation=split.validation,
        seed=seed,
    )


def _cells(cuts: Sequence[tuple[int, Cut]], rows: int) -> Hashes:
    """What each row of a dataset is divided among: the rows of the same sources and groups, none without a test row."""
    cells = np.zeros(rows, dtype=np.uint64)
    for place, cut in cuts:
        cells[cut.row] += mix(cut.code.astype(np.uint64) + (np.uint64(place) << np.uint64(32)))
    return cells


def _dataset_sides(cuts: Sequence[tuple[int, Cut]], split: Split, columns: Columns, *, seed: int) -> Sides:
    """The side of every row of a dataset, one for all its sources; rows of no source are in train and not read."""
    cells = _cells(cuts, columns.rows)
    used: Mask = np.zeros(columns.rows, dtype=bool)
    for _, cut in cuts:
        used[cut.row] = True
    row = np.flatnonzero(used)
    content: Hashes = columns.table.fingerprint.rows[row]
    sides = np.zeros(columns.rows, dtype=np.int8)
    if isinstance(split, SplitByColumn):
        named = columns.texts(split.column)
        sides[row] = sides_by_column(named, cells[row], content, row, validation=split.validation, seed=seed)
    else:
        sides[row] = sides_by_content(
            cells[row], content, validation=split.validation, test=getattr(split, "test", 0.0), seed=seed
        )
    return sides
