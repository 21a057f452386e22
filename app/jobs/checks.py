"""From a body to a plan: what a job would do, or everything that stands against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

from app.jobs.references import Found, find, still_there, with_ids
from app.parts import Parts
from learning.adapting import plan_adapt
from learning.episodes import plan_meta
from learning.errors import Notice, Problem
from learning.grafting import datasets_of, knows_test_rows, plan_transfer, plan_warm, source_job
from learning.planning import Plan, plan
from learning.scoring import plan_scoring
from learning.specs import AdaptJob, JobSpec, MetaJob, MultitaskJob, ScoringJob, TransferJob, parse_spec
from learning.specs.split import SplitByFolds
from store.keys import Principal

SOURCE_DATA_GONE = Notice(
    "source-data-gone", "a dataset that the source was trained on is not here: forgetting will be null", "/source"
)


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
    found = find(parts, who, spec)
    return _grafted(parts, who, spec, found) if isinstance(spec, TransferJob) else _checked(spec, found)


def _checked(spec: MultitaskJob | MetaJob | ScoringJob | AdaptJob, found: Found) -> Checked:
    if isinstance(spec, AdaptJob):
        header = found.headers.get(spec.model) or found.meta[spec.model]
        adapting = plan_adapt(spec, header, found.tables[spec.support])
        return Checked(adapting.spec, (spec.support,), (spec.model,), adapting.notices, adapting.problems)
    if isinstance(spec, MultitaskJob):
        training = _training(spec, found)
        read = sorted({source.dataset for source in training.sources})
        asked = () if spec.init is None else (spec.init,)
        return Checked(training.spec, read, asked, training.notices, training.problems)
    if isinstance(spec, MetaJob):
        episodes = plan_meta(spec, found.tables, {**found.headers, **found.meta}, devices=devices())
        begun = () if spec.init is None else (spec.init,)
        return Checked(episodes.spec, [spec.data.dataset], begun, episodes.notices, episodes.problems)
    scoring = plan_scoring(spec, found.tables, found.headers)
    return Checked(scoring.spec, sorted(found.tables), sorted(found.headers), scoring.notices, scoring.problems)


def _training(spec: MultitaskJob, found: Found) -> Plan:
    if spec.init is None:
        return plan(spec, found.tables, devices=devices())
    source = found.headers[spec.init]
    warm = plan_warm(spec, source, found.tables, devices=devices())
    known = knows_test_rows(source_job(source), spec.split, found.tables.keys(), "/init")
    return replace(warm, notices=(*warm.notices, *([known] if known else [])))


def _grafted(parts: Parts, who: Principal, spec: TransferJob, found: Found) -> Checked:
    """A transfer reads its source's datasets too, where all are still there: to tell what the source forgets."""
    header = found.headers[spec.source]
    graft = plan_transfer(spec, header, found.tables, devices=devices())
    job = source_job(header)
    wanted = datasets_of(job) if job else frozenset[str]()
    kept = still_there(parts, who, wanted)
    known = knows_test_rows(job, spec.split, {spec.task.dataset}, "/source")
    notices = [*graft.notices, *([known] if known else [])]
    if job is not None and isinstance(job.split, SplitByFolds):
        kept = []
        detail = "the source was cross-validated and has learned from all of its rows: forgetting will be null"
        notices.append(Notice("source-cross-validated", detail, "/source"))
    elif not wanted or len(kept) < len(wanted):
        kept = []
        notices.append(SOURCE_DATA_GONE)
    return Checked(graft.spec, sorted({spec.task.dataset, *kept}), (spec.source,), notices, graft.problems)


@cache
def devices() -> frozenset[str]:
    """What a job may ask to run on: the workers' hosts are taken to be like this one."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return frozenset({"cpu", *(["cuda"] if count else []), *(f"cuda:{index}" for index in range(count))})
