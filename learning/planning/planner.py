"""One plan from a job and its tables."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from learning.errors import Notice, Problem
from learning.planning.checks import check_sides, check_size, clamped, tell_copies
from learning.planning.columns import Columns
from learning.planning.draft import Draft
from learning.planning.findings import Findings, listing
from learning.planning.grouped import plan_grouped
from learning.planning.listed import plan_listed
from learning.planning.rows import Rows, assemble
from learning.planning.structure import check_split
from learning.specs.job import MultitaskJob
from learning.specs.parts import MAX_SEED, GroupedTasks
from learning.tables.table import Table
from learning.tasks import ImageShape, Layout, Source, Task


@dataclass(frozen=True, slots=True)
class Plan:
    """What a job will do, complete: every default in ``spec`` is explicit, every task has its place.

    With ``problems`` the plan must not be run, and the rest of it may be incomplete.
    ``types`` holds the canonical type of every feature column, the union over the sources, in first-seen order;
    ``images`` the shape of those that are images.
    """

    spec: MultitaskJob
    tasks: tuple[Task, ...]
    layout: Layout
    sources: tuple[Source, ...]
    types: Mapping[str, str]
    images: Mapping[str, ImageShape]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]


def draw_seed() -> int:
    """A seed nobody chose."""
    return secrets.randbelow(MAX_SEED + 1)


def plan(
    spec: MultitaskJob,
    tables: Mapping[str, Table],
    *,
    devices: Collection[str] | None = None,
    draw: Callable[[], int] = draw_seed,
) -> Plan:
    """Decide what a job means for its data; planning the resolved spec again gives the same plan.

    Args:
        tables: by dataset id; one that is absent is a problem of the tasks that name it.
        devices: the devices there are (``cpu``, ``cuda``, ``cuda:0``); by default any is taken at its word.
        draw: gives the seed when the spec leaves it null.
    """
    findings = Findings()
    job = spec if spec.seed is not None else spec.model_copy(update={"seed": draw()})
    columns = {name: Columns(table) for name, table in tables.items()}
    if devices is not None and job.training.device not in {"auto", *devices}:
        detail = f"expected auto, {listing(sorted(devices))}; found {job.training.device!r}"
        findings.problem("/training/device", "device-unavailable", detail)
    draft = _draft(job, columns, findings)
    if draft is not None:
        job = job.model_copy(update={"tasks": draft.specs})
        check_size(job, draft, findings)
        rows = rows_of(job, draft, columns)
        check_sides(job, draft.tasks, rows, findings)
        tell_copies(draft, tables, findings)
        job = clamped(job, len(rows.row), findings)
    return Plan(
        spec=job,
        tasks=draft.tasks if draft else (),
        layout=draft.layout if draft else Layout(0, ()),
        sources=draft.sources if draft else (),
        types=draft.types if draft else {},
        images=draft.images if draft else {},
        notices=tuple(findings.notices),
        problems=tuple(findings.problems),
    )


def rows_of(job: MultitaskJob, draft: Draft | Plan, columns: Mapping[str, Columns]) -> Rows:
    """The labelled rows that a job trains on and is tested on."""
    return assemble(
        draft.tasks,
        draft.sources,
        draft.layout,
        job.split,
        columns,
        group_by=job.grouped.group_by if job.grouped else (),
        seed=job.seed or 0,
    )


def _draft(job: MultitaskJob, columns: Mapping[str, Columns], findings: Findings) -> Draft | None:
    named = {job.tasks.dataset} if isinstance(job.tasks, GroupedTasks) else {task.dataset for task in job.tasks}
    used = {name: columns[name] for name in sorted(named & set(columns))}
    check_split(job, used, findings)
    if isinstance(job.tasks, GroupedTasks):
        return plan_grouped(job, job.tasks, used, findings)
    return plan_listed(job, job.tasks, used, findings)
