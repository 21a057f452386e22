"""What a scoring job means for its models and its dataset: the one check, made by the API and again by the worker."""

from collections.abc import Mapping
from dataclasses import dataclass

from learning.errors import Notice, Problem
from learning.header import ModelHeader
from learning.predictor.selection import Selection
from learning.scoring.inputs import misfit
from learning.specs.scoring import PredictJob, ScoringJob
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
    return _prediction(spec, table, headers[spec.model])


def _prediction(spec: PredictJob, table: Table, header: ModelHeader) -> ScoringPlan:
    sentence = misfit(header, Selection.of(header, None).required, table)
    problems = (Problem("/dataset", "feature-mismatch", sentence),) if sentence else ()
    return ScoringPlan(spec, tuple(output.name for output in header.outputs), (), problems)
