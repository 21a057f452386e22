"""The labelled rows of a plan: which head each trains, what it teaches, and on which side of the split it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.grouping import Codes, keys_of
from learning.planning.split import (
    TEST,
    Sides,
    block_hashes,
    cluster_hashes,
    sides_by_cluster,
    sides_by_column,
    sides_by_content,
    sides_by_time,
)
from learning.planning.targets import Labels, labels
from learning.planning.times import since_1970
from learning.specs.split import Split, SplitByBlocks, SplitByColumn, SplitByGroup, SplitByTime
from learning.tables.hashing import Hashes, mix
from learning.tasks import Layout, Source, Task


@dataclass(frozen=True, slots=True)
class Rows:
    """The columns of ``learning.examples.Examples`` but for the features, with the same shapes."""

    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]
    group: npt.NDArray[np.int32]
    labels: Labels
    split: Sides
    cluster: npt.NDArray[np.int64] | None
    task_of: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Cut:
    """One source's rows of a dataset: those with a label and a task for it. All arrays are ``[m]`` or ``[m, J]``."""

    row: npt.NDArray[np.int64]
    code: Codes
    group: npt.NDArray[np.int32]
    labels: Labels
    task_of: npt.NDArray[np.int32]
    trained: npt.NDArray[np.bool_]


def assemble(
    tasks: Sequence[Task],
    sources: Sequence[Source],
    layout: Layout,
    split: Split,
    columns: Mapping[str, Columns],
    *,
    group_by: tuple[str, ...],
    seed: int,
) -> Rows:
    """Every labelled row once per source it belongs to, by source and then in the order of the dataset.

    Tasks that no head is trained for (``group`` -1) keep the labels of their test rows only.
    """
    cuts = [
        _cut(source, _tasks_of(place, tasks), layout, columns[source.dataset], group_by)
        for place, source in enumerate(sources)
    ]
    split_of, cluster = _sides(cuts, sources, split, columns, seed=seed)
    found = np.concatenate([cut.labels for cut in cuts])
    task_of = np.concatenate([cut.task_of for cut in cuts])
    trained = np.concatenate([cut.trained for cut in cuts])
    untaught = ~trained & (split_of != TEST)[:, None]
    found[untaught] = np.nan
    task_of[untaught] = -1
    kept = (task_of >= 0).any(axis=1)
    sizes = [len(cut.row) for cut in cuts]
    return Rows(
        source=np.repeat(np.arange(len(cuts), dtype=np.int32), sizes)[kept],
        row=np.concatenate([cut.row for cut in cuts])[kept],
        group=np.concatenate([cut.group for cut in cuts])[kept],
        labels=found[kept],
        split=split_of[kept],
        cluster=None if cluster is None else cluster[kept],
        task_of=task_of[kept],
    )


def _tasks_of(place: int, tasks: Sequence[Task]) -> list[tuple[int, Task]]:
    """The tasks of one source with their index: a listed source has the head of its own place, groups have one source."""
    return [(index, task) for index, task in enumerate(tasks) if task.key is not None or task.group == place]


def _cut(
    source: Source, tasks: Sequence[tuple[int, Task]], layout: Layout, columns: Columns, group_by: tuple[str, ...]
) -> _Cut:
    member = columns.where(source.where)
    if group_by:
        keys = keys_of(columns, group_by, member)
        codes, values = keys.codes, keys.values
    else:
        codes, values = np.where(member, 0, -1).astype(np.int32), ((),)
    task_at, group_at = _tables(tasks, values, group_by, len(layout.slots))
    all_labels = np.full((columns.rows, len(layout.slots)), np.nan)
    for slot, task in {task.slot: task for _, task in tasks}.items():
        all_labels[:, slot] = labels(columns, task.target, task.type, task.classes)
    # The row after the last is what code -1 finds: no task.
    task_of = task_at[codes]
    task_of[np.isnan(all_labels)] = -1
    row = np.flatnonzero((task_of >= 0).any(axis=1))
    code, task_of, found = codes[row], task_of[row], all_labels[row]
    found[task_of < 0] = np.nan
    groups = group_at[code]
    return _Cut(row, code, groups.max(axis=1, initial=-1), found, task_of, groups >= 0)


def _tables(
    tasks: Sequence[tuple[int, Task]], values: Sequence[tuple[str, ...]], group_by: tuple[str, ...], slots: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Task and head of each (key, slot), ``[keys + 1, J]`` each; -1 where there is none."""
    place = {value: index for index, value in enumerate(values)}
    task_at = np.full((len(values) + 1, slots), -1, dtype=np.int32)
    group_at = task_at.copy()
    for index, task in tasks:
        code = place[tuple((task.key or {})[name] for name in group_by)]
        task_at[code, task.slot] = index
        group_at[code, task.slot] = task.group
    return task_at, group_at


def _sides(
    cuts: Sequence[_Cut], sources: Sequence[Source], split: Split, columns: Mapping[str, Columns], *, seed: int
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
    cuts: Sequence[_Cut], sources: Sequence[Source], split: SplitByGroup | SplitByBlocks, columns: Mapping[str, Columns]
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


def _dataset_sides(cuts: Sequence[tuple[int, _Cut]], split: Split, columns: Columns, *, seed: int) -> Sides:
    """The side of every row of a dataset, one for all its sources; rows of no source are in train and not read."""
    cells = np.zeros(columns.rows, dtype=np.uint64)
    for place, cut in cuts:
        # Rows of the same sources and groups are divided among themselves, so that none is left without a test row.
        member = mix(cut.code.astype(np.uint64) + (np.uint64(place) << np.uint64(32)))
        cells[cut.row] += member
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
