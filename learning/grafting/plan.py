"""What a transfer job means for its source and its table: the one check, made by the API and again by the worker."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from learning.errors import Notice, Problem
from learning.grafting.features import Wanted, matched
from learning.grafting.source import has_one_trunk, kept_output, network_of, parameter_names
from learning.header import ModelHeader
from learning.planning import Plan, draw_seed, plan
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.structure import reserved_columns
from learning.registry import registry
from learning.specs import MultitaskJob
from learning.specs.job import DEFAULT_METHODS, job_type
from learning.specs.parts import TaskSpec
from learning.specs.transfer import TransferJob
from learning.tables.table import Table


@dataclass(frozen=True, slots=True)
class Graft:
    """What a transfer job will do; with ``problems`` it must not be run.

    ``plan`` is that of its one task, as a job of its own with the source's network and features. ``kept`` is the output
    of the source whose head the task starts from, null for a new head.
    """

    spec: TransferJob
    plan: Plan
    kept: int | None
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]


def plan_transfer(
    spec: TransferJob,
    source: ModelHeader,
    tables: Mapping[str, Table],
    *,
    devices: Collection[str] | None = None,
    draw: Callable[[], int] = draw_seed,
) -> Graft:
    """Decide what a transfer job does; planning the resolved spec again gives the same plan.

    Args:
        source: the header of the model that it starts from.
        tables, devices, draw: as of `learning.planning.plan`.
    """
    findings = Findings()
    if not has_one_trunk(source):
        detail = f"expected a model with one trunk for all its tasks, found sharing {source.sharing['name']!r}"
        findings.problem("/source", "source-architecture", detail)
    else:
        _check_method(spec, source, findings)
    table = tables.get(spec.task.dataset)
    features = _features(spec, source, Columns(table), findings) if table else None
    task = spec.task if features is None else spec.task.model_copy(update={"features": features, "exclude": ()})
    planned = plan(_alone(spec, task, source), tables, devices=devices, draw=draw)
    problems = [*findings.problems, *(replace(one, pointer=_moved(one.pointer)) for one in planned.problems)]
    notices = [*findings.notices, *(replace(one, pointer=_moved(one.pointer)) for one in planned.notices)]
    return Graft(
        spec=_resolved(spec, planned),
        plan=planned,
        kept=kept_output(source, planned.tasks[0]) if planned.tasks else None,
        notices=tuple(notices),
        problems=tuple(problems),
    )


def _check_method(spec: TransferJob, source: ModelHeader, findings: Findings) -> None:
    """Problems of a method that names parts which are not there, or leaves nothing to learn."""
    names = parameter_names(source)
    parts = ["trunk", "head", *sorted({name.rpartition(".")[0] for name in names if name.startswith("trunk.")})]
    unknown = spec.method.unknown_parts(names)
    for place in unknown:
        found = getattr(spec.method, "parts", ())[place]
        findings.problem(
            f"/method/parts/{place}", "unknown-layer", f"expected a part among {listing(parts)}; found {found[:64]!r}"
        )
    if not unknown and not spec.method.trainable(names):
        findings.problem("/method/parts", "nothing-trainable", f"expected a part among {listing(parts)}, found none")


def _features(spec: TransferJob, source: ModelHeader, table: Columns, findings: Findings) -> tuple[str, ...] | None:
    barred = {spec.task.target, *reserved_columns(_alone(spec, spec.task, source))}
    wanted = Wanted(spec.task.features, spec.task.exclude, barred, told_at="/task/features")
    return matched(source.feature_sets, source.encoding, wanted, table, findings)


def _alone(spec: TransferJob, task: TaskSpec, source: ModelHeader) -> MultitaskJob:
    """The task as a job of its own, with the source's network."""
    methods = registry()
    sharing, balancing = (methods.spec(family, DEFAULT_METHODS[family])() for family in ("sharing", "balancing"))
    return job_type().model_validate(
        {
            "kind": "multitask",
            "tasks": (task,),
            "network": network_of(source),
            "sharing": sharing,
            "balancing": balancing,
            **{field: getattr(spec, field) for field in ("name", "training", "split", "repeats", "baselines", "seed")},
        }
    )


def _resolved(spec: TransferJob, planned: Plan) -> TransferJob:
    tasks = planned.spec.tasks
    task = tasks[0] if isinstance(tasks, tuple) else spec.task
    return spec.model_copy(update={"task": task, "training": planned.spec.training, "seed": planned.spec.seed})


def _moved(pointer: str | None) -> str:
    """Where the user wrote what the plan of the lone task points to."""
    if pointer is None:
        return "/task"
    if pointer.startswith("/tasks/0"):
        return "/task" + pointer.removeprefix("/tasks/0")
    return "/source" if pointer == "/network" else pointer
