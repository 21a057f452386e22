"""One plan from a meta job and its table; planning the resolved spec again gives the same plan."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from learning.episodes.checks import (
    Asked,
    check_pool,
    check_protocols,
    check_rows,
    resolved_protocols,
    tell_small,
    training_protocol,
)
from learning.episodes.data import Found, features_of, known_data, units_of
from learning.episodes.pool import Pool, Units, pool
from learning.episodes.sides import check_split, sides_of
from learning.episodes.warm import begun, keeps_head
from learning.errors import Notice, Problem
from learning.meta.base import Question
from learning.model import AnyHeader
from learning.planning.checks import MAX_PARAMETERS, check_alone, largest_inputs
from learning.planning.columns import Columns
from learning.planning.findings import Findings, listing
from learning.planning.planner import draw_seed
from learning.planning.split import TEST, TRAIN, VALIDATION, Sides
from learning.specs.meta import MetaJob, Protocol
from learning.tables.table import Table
from learning.tasks import ImageShape, TaskType

#: Weights of all tasks of a batch, which gradient methods hold several times over: 2 GB.
MAX_COPIED = 500_000_000


@dataclass(frozen=True, eq=False)
class MetaPlan:
    """What a meta job will do; with ``problems`` it must not be run, and the rest of it may be empty.

    type, classes: of what each task asks for; class episodes bring their own classes. ways: the classes of an episode,
    1 for a regression. types: the canonical type of every feature. training: how an episode of training is drawn.
    train, validation, tests: what training, validation and each protocol of the evaluation draw from.
    keeps_head: whether the head of the model that it begins from goes on, and with it the scale of its answers.
    """

    spec: MetaJob
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]
    type: TaskType = "regression"
    classes: tuple[str, ...] | None = None
    ways: int = 1
    types: Mapping[str, str] = field(default_factory=dict)
    training: Protocol = field(default_factory=Protocol)
    units: Units | None = None
    train: Pool | None = None
    validation: Pool | None = None
    tests: tuple[Pool, ...] = ()
    keeps_head: bool = False

    @property
    def question(self) -> Question:
        return "regression" if self.type == "regression" else "classification"


def plan_meta(
    spec: MetaJob,
    tables: Mapping[str, Table],
    headers: Mapping[str, AnyHeader] | None = None,
    *,
    devices: Collection[str] | None = None,
    draw: Callable[[], int] = draw_seed,
) -> MetaPlan:
    """Decide what a meta job means for its data.

    Args:
        headers: that of the model which the job begins from, by its id.
        tables, devices, draw: as of `learning.planning.plan`.
    """
    findings = Findings()
    job = spec if spec.seed is not None else spec.model_copy(update={"seed": draw()})
    if devices is not None and job.training.device not in {"auto", *devices}:
        detail = f"expected auto, {listing(sorted(devices))}; found {job.training.device!r}"
        findings.problem("/training/device", "device-unavailable", detail)
    columns = {name: Columns(table) for name, table in tables.items()}
    if not known_data(job, columns, findings):
        return _refused(job, findings)
    table = columns[job.data.dataset]
    check_split(job, table, findings)
    source = None if job.init is None else (headers or {})[job.init]
    if source is not None:
        job = begun(job, source, table, findings)
    features = features_of(job, table, findings)
    if findings.problems:
        return _refused(job, findings)
    found = units_of(job, table, findings)
    if found is None:
        return _refused(job, findings)
    types = {name: table.types[name] for name in features}
    images = {name: shape for name, shape in table.images.items() if name in types}
    sides = sides_of(found.job, found.units, table, findings)
    planned = _drawn(found, types, images, sides, findings)
    if source is None:
        return planned
    same = keeps_head(job, source, type_=planned.type, classes=planned.classes, ways=planned.ways)
    return replace(planned, keeps_head=same)


def _refused(job: MetaJob, findings: Findings) -> MetaPlan:
    return MetaPlan(job, tuple(findings.notices), tuple(findings.problems))


def _drawn(
    found: Found, types: Mapping[str, str], images: Mapping[str, ImageShape], sides: Sides, findings: Findings
) -> MetaPlan:
    """Lay out what every part of the job draws its episodes from."""
    job, classes = found.job, found.classes
    ways = max(1, len(classes or ())) if job.episodes is None else job.episodes.ways
    if found.type == "regression" and job.method.needs_classes:
        detail = f"expected a method that can answer with a number, found {getattr(job.method, 'name', '')!r}"
        findings.problem("/method", "method-needs-classes", detail)
    _check_network(job, types, images, ways, findings)
    training = training_protocol(job, ways=ways)
    # a method without a head knows a class by its rows: every support of a task has to have some of each
    each = len(classes) if classes is not None and not job.method.has_head else None

    def draws(side: int, protocol: Protocol) -> Pool:
        least = (protocol.shots or 0) + (protocol.queries or 0)
        return pool(found.units, sides == side, least=least, classes=each)

    pools = {side: draws(side, training) for side in (TRAIN, VALIDATION, TEST)}
    protocols = resolved_protocols(job, training, most_ways=len(pools[TEST]))
    tests = tuple(draws(TEST, protocol) for protocol in protocols)
    check_protocols(job, protocols, training, findings)
    check_rows(job, training, protocols, findings)
    for asked in _asked(job, training, protocols, pools, tests):
        check_pool(asked, found.units, sides, classes=each, findings=findings)
    tell_small(pools, found.units, sides, training, findings)
    resolved: dict[str, Any] = {"evaluation": protocols}
    if job.tasks is not None:
        resolved |= {"shots": training.shots, "queries": training.queries}
    return MetaPlan(
        job.model_copy(update=resolved),
        tuple(findings.notices),
        tuple(dict.fromkeys(findings.problems)),
        type=found.type,
        classes=classes,
        ways=ways,
        types=types,
        training=training,
        units=found.units,
        train=pools[TRAIN],
        validation=pools[VALIDATION],
        tests=tests,
    )


def _asked(
    job: MetaJob, training: Protocol, protocols: Sequence[Protocol], pools: Mapping[int, Pool], tests: Sequence[Pool]
) -> Iterator[Asked]:
    """Every draw that the job makes: of training, of validation (of fewer ways where the method may), of the evaluation."""
    own = "" if job.episodes is None else "/episodes"
    validating = training
    if job.episodes is not None and not job.method.has_head:
        ways = max(2, min(job.episodes.ways, len(pools[VALIDATION])))
        validating = training.model_copy(update={"ways": ways})
    yield Asked(own, TRAIN, training, pools[TRAIN])
    yield Asked(own, VALIDATION, validating, pools[VALIDATION])
    for index, (protocol, found) in enumerate(zip(protocols, tests, strict=True)):
        yield Asked(f"/evaluation/{index}" if job.evaluation else own, TEST, protocol, found)


def _check_network(
    job: MetaJob, types: Mapping[str, str], images: Mapping[str, ImageShape], ways: int, findings: Findings
) -> None:
    """A problem for a network that cannot read the features, or for a model that no worker could hold."""
    inputs = largest_inputs(types.values(), images.values())
    if sentence := job.network.misfit(inputs):
        findings.problem("/network", "network-needs-image", sentence)
        return
    check_alone(job.network, findings)
    if "rotate90_classes" in (job.episodes.augment if job.episodes is not None else ()):
        found = next(iter(images.values()), None)
        if found is None or found[1] != found[2]:
            has = "none" if found is None else f"one of height {found[1]} and width {found[2]}"
            detail = f"expected a column of square images to turn, found {has}"
            findings.problem("/episodes/augment", "augment-needs-square-images", detail)
    estimate = job.network.parameters(inputs) + (job.network.out_features(inputs) + 1) * (
        ways if job.method.has_head else 0
    )
    if estimate > MAX_PARAMETERS:
        detail = f"expected a model of at most {MAX_PARAMETERS:,} parameters, found up to {estimate:,}"
        findings.problem("/network", "model-too-large", detail)
    elif job.method.has_head and (copies := estimate * job.training.tasks_per_batch) > MAX_COPIED:
        detail = f"expected at most {MAX_COPIED:,} weights in the copies for all tasks of a batch, found {copies:,}"
        findings.problem("/training/tasks_per_batch", "out-of-range", detail)
