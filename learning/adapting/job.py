"""A job that adapts a model to a dataset: the check made by the API, and again by the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

from learning.adapting.asked import Request
from learning.adapting.entry import is_adaptable
from learning.adapting.meta_labels import check_request
from learning.errors import Notice, Problem, SpecError
from learning.header import ModelHeader
from learning.learner import method_of
from learning.meta_header import MetaHeader
from learning.model import AnyHeader
from learning.planning.findings import listing
from learning.scoring.inputs import misfit
from learning.specs import AdaptJob
from learning.tables import Table

#: The representations of the support are solved as a whole; so many of 128 numbers take 100 MB.
MAX_JOB_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class AdaptPlan:
    """``columns`` are what is read of the support; with ``problems`` the plan must not be run."""

    spec: AdaptJob
    columns: tuple[str, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]


def plan_adapt(spec: AdaptJob, header: AnyHeader, table: Table) -> AdaptPlan:
    """Decide whether a model can adapt to the rows of a table."""
    if not is_adaptable(header):
        detail = "expected a model with one trunk for all its tasks, or a meta-model; found another"
        return AdaptPlan(spec, (), (), (Problem("/model", "not-adaptable", detail),))
    problems = [*_size(table), *_targets(spec, header, table), *_said(spec, header), *_key(spec, header)]
    sentence = misfit(header, _features(header), table)
    if sentence is not None:
        problems.append(Problem("/support", "schema-mismatch", sentence))
    return AdaptPlan(spec, tuple(table.types), (), tuple(problems))


def _size(table: Table) -> list[Problem]:
    if table.rows == 0:
        return [Problem("/support", "empty-rows", "expected at least one row, found none")]
    if table.rows > MAX_JOB_ROWS:
        detail = f"expected at most {MAX_JOB_ROWS} support rows, found {table.rows}: so many are enough to train on"
        return [Problem("/support", "too-many-shots", detail)]
    return []


def _targets(spec: AdaptJob, header: AnyHeader, table: Table) -> list[Problem]:
    """The columns of labels that are not there."""
    place = "/target" if spec.targets is None else "/targets"
    if spec.wanted:
        named = [f"{place}/{at}" if spec.targets else place for at in range(len(spec.wanted))]
        return [
            Problem(where, "target-not-found", f"expected a column of the support, found none named {target[:64]!r}")
            for where, target in zip(named, spec.wanted, strict=True)
            if target not in table.types
        ]
    own = [header.target] if isinstance(header, MetaHeader) else [output.target for output in header.outputs]
    if not any(target in table.types for target in own):
        detail = f"expected one of the model's targets, {listing(own)}, as a column of the support; found none: name it"
        return [Problem(place, "target-not-found", detail)]
    return []


def _said(spec: AdaptJob, header: AnyHeader) -> list[Problem]:
    """What is wrong with the targets and steps themselves: as the adapter will say."""
    if len(set(spec.wanted)) < len(spec.wanted):
        return [Problem("/targets", "duplicate-target", "expected each target once, found one again")]
    if isinstance(header, MetaHeader):
        try:
            check_request(header, method_of(header), Request(targets=spec.wanted, steps=spec.steps), ())
        except SpecError as error:
            return list(error.problems)
        return []
    problems = []
    if spec.steps is not None:
        detail = "expected no steps for a model that adapts in closed form, found some"
        problems.append(Problem("/steps", "no-steps", detail))
    if spec.task_key is None and len(spec.wanted) > 1:
        detail = "expected a task_key for several targets, which make a new group; found none"
        problems.append(Problem("/task_key", "missing-field", detail))
    if spec.task_key is None and not spec.wanted and len(header.outputs) > 1:
        some = listing([output.target for output in header.outputs])
        detail = f"expected a target for a model that answers several ({some}), found none"
        problems.append(Problem("/target", "missing-field", detail))
    return problems


def _key(spec: AdaptJob, header: AnyHeader) -> list[Problem]:
    """What is wrong with the new group."""
    if spec.task_key is None:
        return []
    group_by = header.group_by if isinstance(header, ModelHeader) else ()
    if set(spec.task_key) != set(group_by):
        code = "task-key-mismatch" if group_by else "not-grouped"
        expected = f"a value for each of {listing(group_by)}" if group_by else "none, as the model has no groups"
        return [
            Problem("/task_key", code, f"expected {expected}; found {listing(spec.task_key)}"),
        ]
    return []


def _features(header: AnyHeader) -> Sequence[str]:
    """What every support must bring; of a model with several sets of features its targets decide, which the rows tell."""
    if isinstance(header, MetaHeader):
        return [column.name for column in header.encoding.columns]
    return list(header.feature_sets[0]) if len(header.feature_sets) == 1 else []
