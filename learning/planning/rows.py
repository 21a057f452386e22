"""The labelled rows of a plan: which head each trains, what it teaches, and on which side of the split it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from learning.planning.columns import Columns, Mask
from learning.planning.cut import Cut, folds_of, sides_of
from learning.planning.folds import Folds
from learning.planning.grouping import keys_of
from learning.planning.split import TEST, Sides
from learning.planning.targets import Labels, labels
from learning.specs.split import Split, SplitByFolds
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
    folds: Folds | None

    def in_fold(self, fold: int | None) -> "Rows":
        """The rows when this of their folds is tested, or none."""
        if self.folds is None:
            raise ValueError("expected rows that are split by folds")
        split, found, task_of = self.folds.part(fold, self.labels, self.task_of)
        return replace(self, split=split, labels=found, task_of=task_of, folds=None)


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

    Tasks that no head is trained for (``group`` -1) keep the labels of their test rows only; under folds every row is one.
    """
    cuts = [
        _cut(source, _tasks_of(place, tasks), layout, columns[source.dataset], group_by)
        for place, source in enumerate(sources)
    ]
    found = np.concatenate([cut.labels for cut in cuts])
    task_of = np.concatenate([cut.task_of for cut in cuts])
    untaught = ~np.concatenate([cut.trained for cut in cuts])
    folds, cluster = None, None
    if isinstance(split, SplitByFolds):
        folds = folds_of(cuts, sources, untaught, split, columns, seed=seed)
        split_of = folds.sides(None)
    else:
        split_of, cluster = sides_of(cuts, sources, split, columns, seed=seed)
        untaught &= (split_of != TEST)[:, None]
        found[untaught] = np.nan
        task_of[untaught] = -1
    kept: Mask = np.any(task_of >= 0, axis=1)
    sizes = [len(cut.row) for cut in cuts]
    return Rows(
        source=np.repeat(np.arange(len(cuts), dtype=np.int32), sizes)[kept],
        row=np.concatenate([cut.row for cut in cuts])[kept],
        group=np.concatenate([cut.group for cut in cuts])[kept],
        labels=found[kept],
        split=split_of[kept],
        cluster=None if cluster is None else cluster[kept],
        task_of=task_of[kept],
        folds=None if folds is None else folds.taken(kept),
    )


def _tasks_of(place: int, tasks: Sequence[Task]) -> list[tuple[int, Task]]:
    """The tasks of one source with their index: a listed source has the head of its own place, groups have one source."""
    return [(index, task) for index, task in enumerate(tasks) if task.key is not None or task.group == place]


def _cut(
    source: Source, tasks: Sequence[tuple[int, Task]], layout: Layout, columns: Columns, group_by: tuple[str, ...]
) -> Cut:
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
    return Cut(row, code, groups.max(axis=1, initial=-1), found, task_of, groups >= 0)


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
