"""The rows of a plan as arrays: features, labels per slot, head per row, side of the split."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from learning.errors import SpecError
from learning.planning import Plan, rows_of
from learning.planning.checks import check_sides
from learning.planning.columns import Columns
from learning.planning.findings import Findings
from learning.planning.folds import Folds
from learning.planning.rows import Rows
from learning.tables.table import Table


@dataclass(frozen=True, slots=True)
class Examples:
    """n labelled rows and J slots, by source and then in the order of the dataset.

    ``features``  the union of the sources' feature columns, null where a source lacks one.
    ``source``    ``[n] int32``, index into ``Plan.sources``.
    ``row``       ``[n] int64``, row of the source's dataset.
    ``group``     ``[n] int32``, the head of the row; -1: the mean head.
    ``labels``    ``[n, J] float64``: NaN unlabelled, a class index, or the target in its own units.
    ``split``     ``[n] int8``: 0 train, 1 validation, 2 test; in a fold also -1, where a row says nothing in it.
    ``cluster``   ``[n] int64``, the group or block of the row under ``split.group`` and ``split.blocks``, else null.
    ``task_of``   ``[n, J] int32``, index into ``Plan.tasks``; -1 where there is no label.
    ``folds``     of a job that is cross-validated, until one of them is chosen (`in_fold`).

    A task that no head is trained for has labels in its test rows only.
    """

    features: pa.Table
    source: npt.NDArray[np.int32]
    row: npt.NDArray[np.int64]
    group: npt.NDArray[np.int32]
    labels: npt.NDArray[np.float64]
    split: npt.NDArray[np.int8]
    cluster: npt.NDArray[np.int64] | None
    task_of: npt.NDArray[np.int32]
    folds: Folds | None

    def in_fold(self, fold: int | None) -> "Examples":
        """The examples when this of their folds is tested; for None all of them are for training and validation."""
        if self.folds is None:
            raise ValueError("expected examples that are split by folds")
        split, labels, task_of = self.folds.part(fold, self.labels, self.task_of)
        return replace(self, split=split, labels=labels, task_of=task_of, folds=None)


def build(plan: Plan, tables: Mapping[str, Table]) -> Examples:
    """The examples of a plan without problems; the same plan and tables give the same examples.

    Raises:
        SpecError: when the data leaves a target without labels on a side of the split.
    """
    if plan.problems:
        raise SpecError(plan.problems)
    columns = {source.dataset: Columns(tables[source.dataset]) for source in plan.sources}
    rows = rows_of(plan.spec, plan, columns)
    findings = Findings()
    check_sides(plan.spec, plan.tasks, rows, findings)
    if findings.problems:
        raise SpecError(findings.problems)
    return Examples(
        features=_features(plan, tables, rows),
        source=rows.source,
        row=rows.row,
        group=rows.group,
        labels=rows.labels,
        split=rows.split,
        cluster=rows.cluster,
        task_of=rows.task_of,
        folds=rows.folds,
    )


def _features(plan: Plan, tables: Mapping[str, Table], rows: Rows) -> pa.Table:
    """One read per dataset, however many sources cut it."""
    read: dict[str, pa.Table] = {}
    wanted: dict[str, dict[str, None]] = {}
    for source in plan.sources:
        wanted.setdefault(source.dataset, {}).update(dict.fromkeys(source.features))
    parts = []
    for place, source in enumerate(plan.sources):
        if source.dataset not in read:
            read[source.dataset] = tables[source.dataset].read(list(wanted[source.dataset])).replace_schema_metadata()
        mine = rows.row[rows.source == place]
        table = read[source.dataset].select(list(source.features))
        parts.append(table if len(mine) == table.num_rows else _filtered(table, mine))
    # Fields of the same type may still differ in their metadata.
    plain = [part.cast(pa.schema([pa.field(field.name, field.type) for field in part.schema])) for part in parts]
    return pa.concat_tables(plain, promote_options="default").select(list(plan.types))


def _filtered(table: pa.Table, rows: npt.NDArray[np.int64]) -> pa.Table:
    # The rows ascend, and a filter, unlike take, never joins the chunks of a long text column.
    kept = np.zeros(table.num_rows, dtype=bool)
    kept[rows] = True
    return table.filter(pa.array(kept))
