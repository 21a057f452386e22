"""Meta-training that begins at a stored model: its trunk, its way to read rows, and its head where that asks the same."""

from learning.episodes.data import reserved_columns
from learning.errors import LearningError
from learning.grafting.features import Wanted, matched
from learning.grafting.source import datasets_of, has_one_trunk, source_job
from learning.grafting.trunk import check_network
from learning.learner import method_of, network_of
from learning.meta_header import MetaHeader
from learning.model import AnyHeader
from learning.planning.columns import Columns
from learning.planning.findings import Findings
from learning.specs.kinds import parse_spec
from learning.specs.meta import MetaJob
from learning.specs.split import SplitByColumn
from learning.tasks import TaskType

_AT = "/init"


def begun(job: MetaJob, source: AnyHeader, table: Columns, findings: Findings) -> MetaJob:
    """The job with the network and the features of the model that it begins from; problems where they do not fit.

    A job that names no network has the model's. Columns that the model does not read are told and left out.
    """
    if "network" not in job.model_fields_set:
        job = job.model_copy(update={"network": network_of(source)})
    check_network(job.network, source.network, _AT, findings)
    if not isinstance(source, MetaHeader) and not has_one_trunk(source):
        detail = f"expected a model with one trunk for all its tasks, found sharing {source.sharing['name']!r}"
        findings.problem(_AT, "source-architecture", detail)
    _tell_overlap(job, source, findings)
    data = job.data
    encoding = source.encoding
    sets = (tuple(c.name for c in encoding.columns),) if isinstance(source, MetaHeader) else source.feature_sets
    wanted = Wanted(data.features, data.exclude, {job.target, *reserved_columns(job)}, told_at=_AT)
    found = matched(sets, encoding, wanted, table, findings)
    if found is None:
        return job
    field = "episodes" if job.episodes is not None else "tasks"
    return job.model_copy(update={field: data.model_copy(update={"features": found, "exclude": ()})})


def _tell_overlap(job: MetaJob, source: AnyHeader, findings: Findings) -> None:
    """A notice where the model may have learned from what is to be test tasks here."""
    if isinstance(source, MetaHeader):
        first = _meta_job(source)
        overlaps = first is not None and first.data.dataset == job.data.dataset and _drawn(first) != _drawn(job)
    else:
        known = source_job(source)
        overlaps = known is not None and job.data.dataset in datasets_of(known)
    if overlaps:
        detail = (
            "the model has learned from this dataset, divided otherwise: it may know tasks that are for the test here"
        )
        findings.notice("source-knows-test-tasks", detail, _AT)


def _meta_job(source: MetaHeader) -> MetaJob | None:
    """The job that trained the model; null for a model that does not say."""
    try:
        job = parse_spec(source.job or {})
    except LearningError:
        return None  # of a release whose jobs read otherwise
    return job if isinstance(job, MetaJob) else None


def _drawn(job: MetaJob) -> object:
    """What decides which classes or tasks are for the test: a column by itself, else the draw and what is drawn from."""
    if isinstance(job.split, SplitByColumn):
        return job.split.column
    return job.seed, job.split, job.data.where, job.target if job.tasks is None else job.tasks.group_by


def keeps_head(job: MetaJob, source: AnyHeader, *, type_: TaskType, classes: tuple[str, ...] | None, ways: int) -> bool:
    """Whether the model's head goes on: it is a meta-model whose head asks the same of a task, of as many classes."""
    return (
        isinstance(source, MetaHeader)
        and job.method.has_head
        and method_of(source).has_head
        and (source.type, source.classes, source.ways) == (type_, classes, ways)
        and (source.episodes or source.target == job.target)
    )
