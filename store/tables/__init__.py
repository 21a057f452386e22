"""Every table, on both databases. A row is a fact; the functions of this room are the only ones to write it."""

from store.tables.aliases import AliasMoveRow, AliasRow
from store.tables.assets import DatasetRow, ModelParentRow, ModelRow
from store.tables.base import Base
from store.tables.jobs import JobDatasetRow, JobLabelRow, JobModelRow, JobRow
from store.tables.projects import IdempotencyRow, KeyRow, ProjectRow
from store.tables.records import AttemptRow, CheckpointRow, EventRow, MetricPointRow, TaskResultRow

__all__ = [
    "AliasMoveRow",
    "AliasRow",
    "AttemptRow",
    "Base",
    "CheckpointRow",
    "DatasetRow",
    "EventRow",
    "IdempotencyRow",
    "JobDatasetRow",
    "JobLabelRow",
    "JobModelRow",
    "JobRow",
    "KeyRow",
    "MetricPointRow",
    "ModelParentRow",
    "ModelRow",
    "ProjectRow",
    "TaskResultRow",
]
