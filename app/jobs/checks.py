"""From a body to a plan: what a job would do, or everything that stands against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from app.jobs.references import Found, find, with_ids
from app.parts import Parts
from learning.errors import Notice, Problem
from learning.planning import plan
from learning.scoring import plan_scoring
from learning.specs import JobSpec, MultitaskJob, parse_spec
from store.keys import Principal


@dataclass(frozen=True)
class Checked:
    """A job of any kind: its resolved spec, the ids of what it reads, and what is to be said of it."""

    spec: JobSpec
    datasets: Sequence[str]
    models: Sequence[str]
    notices: Sequence[Notice]
    problems: Sequence[Problem]


def planned(parts: Parts, who: Principal, body: Mapping[str, Any]) -> Checked:
    """The plan of the job that ``body`` asks for; with ``problems`` it must not be run.

    Raises:
        SpecError: the spec cannot be read.
        ApiError: it names a dataset or a model that the project does not have, or had.
    """
    spec = parse_spec(body)
    with parts.database.reading() as session:
        spec = with_ids(session, who.project_id, spec)
    return _checked(spec, find(parts, who, spec))


def _checked(spec: JobSpec, found: Found) -> Checked:
    if isinstance(spec, MultitaskJob):
        training = plan(spec, found.tables, devices=devices())
        read = sorted({source.dataset for source in training.sources})
        return Checked(training.spec, read, (), training.notices, training.problems)
    scoring = plan_scoring(spec, found.tables, found.headers)
    return Checked(scoring.spec, sorted(found.tables), sorted(found.headers), scoring.notices, scoring.problems)


@cache
def devices() -> frozenset[str]:
    """What a job may ask to run on: the workers' hosts are taken to be like this one."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return frozenset({"cpu", *(["cuda"] if count else []), *(f"cuda:{index}" for index in range(count))})
