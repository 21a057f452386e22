"""What a scoring job means for its models and its dataset: the one check, made by the API and again by the worker."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from learning.errors import Notice, Problem
from learning.header import ModelHeader, Output
from learning.planning.findings import listing
from learning.predictor.selection import Selection
from learning.scoring.inputs import misfit
from learning.specs.scoring import EvaluateJob, PredictJob, ScoringJob
from learning.tables import Table


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """``tasks`` are the names of the answers that are asked for; with ``problems`` the plan must not be run."""

    spec: ScoringJob
    tasks: tuple[str, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]


def plan_scoring(spec: ScoringJob, tables: Mapping[str, Table], headers: Mapping[str, ModelHeader]) -> ScoringPlan:
    """Decide what a scoring job does. ``tables`` and ``headers``, by id, hold every one that it names."""
    table = tables[spec.dataset]
    if table.rows == 0:
        problem = Problem("/dataset", "empty-rows", "expected at least one row, found none")
        return ScoringPlan(spec, (), (), (problem,))
    if isinstance(spec, PredictJob):
        return _prediction(spec, table, headers[spec.model])
    return _evaluation(spec, table, headers)


def _prediction(spec: PredictJob, table: Table, header: ModelHeader) -> ScoringPlan:
    sentence = misfit(header, Selection.of(header, None).required, table)
    problems = (Problem("/dataset", "feature-mismatch", sentence),) if sentence else ()
    return ScoringPlan(spec, tuple(output.name for output in header.outputs), (), problems)


def _evaluation(spec: EvaluateJob, table: Table, headers: Mapping[str, ModelHeader]) -> ScoringPlan:
    if twice := [*_named_twice(spec.models)]:
        return ScoringPlan(spec, (), (), tuple(twice))
    known = [headers[model] for model in spec.models]
    shared = shared_outputs(known)
    measured = [output for output in shared if output.target in table.types]
    names = tuple(output.name for output in measured)
    problems = [*_nothing_to_measure(known, shared, measured), *_odd_targets(measured, table)]
    if not problems:
        sentences = [misfit(header, Selection.of(header, names).required, table) for header in known]
        problems = [Problem(f"/models/{at}", "feature-mismatch", one) for at, one in enumerate(sentences) if one]
    return ScoringPlan(spec, names, tuple(_left_out(known, names)), tuple(problems))


def shared_outputs(headers: Sequence[ModelHeader]) -> list[Output]:
    """The answers of the first model that all others give too: of one name, target, type and classes."""
    others = [{_sort(output) for output in header.outputs} for header in headers[1:]]
    return [output for output in headers[0].outputs if all(_sort(output) in other for other in others)]


def _sort(output: Output) -> tuple[object, ...]:
    return output.name, output.target, output.type, output.classes


def _named_twice(models: Sequence[str]) -> Iterator[Problem]:
    for at, model in enumerate(models):
        if (first := models.index(model)) < at:
            yield Problem(
                f"/models/{at}", "duplicate-model", f"expected models that differ, found {model} at /models/{first} too"
            )


def _nothing_to_measure(
    headers: Sequence[ModelHeader], shared: Sequence[Output], measured: Sequence[Output]
) -> Iterator[Problem]:
    if not shared:
        found = "; ".join(listing(output.name for output in header.outputs) for header in headers)
        detail = f"expected a task of one name, target, type and classes in all models, found {found}"
        yield Problem("/models", "no-shared-task", detail)
    elif not measured:
        detail = (
            f"expected a column with the labels of a shared task, found none of {listing(o.target for o in shared)}"
        )
        yield Problem("/dataset", "target-not-found", detail)


def _odd_targets(measured: Sequence[Output], table: Table) -> Iterator[Problem]:
    for output in measured:
        kind = table.types[output.target]
        if kind in ("date", "image") or (output.type == "regression" and kind not in ("number", "boolean")):
            detail = f"expected labels of a {output.type} in {output.target[:64]!r}, found a column of type {kind}"
            yield Problem("/dataset", "wrong-target-type", detail)


def _left_out(headers: Sequence[ModelHeader], names: Sequence[str]) -> Iterator[Notice]:
    known = dict.fromkeys(output.name for header in headers for output in header.outputs)
    if others := [name for name in known if name not in names]:
        detail = f"not all models give these answers, or the dataset has no labels for them: {listing(others)}"
        yield Notice("tasks-left-out", detail)
