"""Whether every protocol of a job finds enough classes, tasks and rows on its side of the split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from learning.episodes.pool import Pool, Units
from learning.planning.findings import Findings, listing
from learning.planning.split import SIDES, TEST, TRAIN, VALIDATION, Sides
from learning.specs.meta import MetaJob, Protocol

#: The rows of all supports and queries of a batch: beyond it a step is more than a worker holds.
MAX_BATCH_ROWS = 1_000_000
#: The rows of all episodes of a protocol: their places are drawn at once.
MAX_PROTOCOL_ROWS = 10_000_000
#: Of tasks by a column: as many as the sinusoids of the papers bring.
DEFAULT_SHOTS = 10


def training_protocol(job: MetaJob, *, ways: int) -> Protocol:
    """How an episode of training is drawn."""
    if job.episodes is not None:
        own = job.episodes
        return Protocol(ways=own.ways, shots=own.shots, queries=own.queries)
    shots = job.shots or DEFAULT_SHOTS
    return Protocol(ways=ways if ways > 1 else None, shots=shots, queries=job.queries or shots)


def resolved_protocols(job: MetaJob, training: Protocol, *, most_ways: int) -> tuple[Protocol, ...]:
    """The protocols of the evaluation, nothing in them left to null.

    Args:
        most_ways: the most ways that the test side can ask of a method without a head; the default protocol asks no more.
    """
    if not job.evaluation:
        ways = training.ways
        if ways is not None and job.episodes is not None and not job.method.has_head:
            ways = max(2, min(ways, most_ways))
        return (training.model_copy(update={"ways": ways}),)
    fields = ("ways", "shots", "queries")
    return tuple(
        own.model_copy(update={name: getattr(training, name) for name in fields if getattr(own, name) is None})
        for own in job.evaluation
    )


def protocol_name(protocol: Protocol, *, episodes: bool) -> str:
    """``5-way 1-shot`` of class episodes, ``10-shot`` of tasks."""
    return f"{protocol.ways}-way {protocol.shots}-shot" if episodes else f"{protocol.shots}-shot"


def check_protocols(job: MetaJob, protocols: Sequence[Protocol], training: Protocol, findings: Findings) -> None:
    """Problems of protocols by themselves: two of one name, ways that a head or the target fixes, steps that there are not."""
    seen: dict[str, int] = {}
    for index, own in enumerate(protocols):
        name = protocol_name(own, episodes=job.episodes is not None)
        if name in seen:
            detail = f"expected protocols that differ in ways or shots, found {name!r} at /evaluation/{seen[name]} too"
            findings.problem(f"/evaluation/{index}", "duplicate-protocol", detail)
        seen.setdefault(name, index)
        # What a method without a head of its own makes of a support, it makes at once.
        if own.steps and not job.method.has_head:
            detail = f"expected no steps for {_name(job)}, which has none; found {len(own.steps)}"
            findings.problem(f"/evaluation/{index}/steps", "no-steps", detail)
        if own.ways == training.ways:
            continue
        if job.episodes is None:
            asked = "a number" if training.ways is None else f"one of {training.ways} classes"
            detail = f"expected null, for each task asks for {asked}; found {own.ways}"
            findings.problem(f"/evaluation/{index}/ways", "ways-fixed", detail)
        elif job.method.has_head:
            detail = f"expected the {training.ways} ways of the head that {_name(job)} learns, found {own.ways}"
            findings.problem(f"/evaluation/{index}/ways", "ways-fixed", detail)


def _name(job: MetaJob) -> str:
    return str(getattr(job.method, "name", "the method"))


def check_rows(job: MetaJob, training: Protocol, protocols: Sequence[Protocol], findings: Findings) -> None:
    """Problems of a batch, or of all episodes of a protocol, with more rows than are held at once."""

    def check(protocol: Protocol, episodes: int, most: int, pointer: str) -> None:
        each = (protocol.ways or 1) if job.episodes is not None else 1
        rows = episodes * each * ((protocol.shots or 0) + (protocol.queries or 0))
        if rows > most:
            detail = f"expected at most {most:,} rows in all supports and queries, found {rows:,}"
            findings.problem(pointer, "out-of-range", detail)

    check(training, job.training.tasks_per_batch, MAX_BATCH_ROWS, "/training/tasks_per_batch")
    for index, own in enumerate(protocols):
        check(
            own, own.episodes, MAX_PROTOCOL_ROWS, f"/evaluation/{index}/episodes" if job.evaluation else "/evaluation"
        )


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """A protocol, where the body says it, and the units of a side that it draws from."""

    pointer: str
    side: int
    protocol: Protocol
    pool: Pool


def check_pool(asked: Asked, units: Units, sides: Sides, *, classes: int | None, findings: Findings) -> None:
    """The problem of a side that cannot fill one episode of a protocol.

    Args:
        classes: of which every support has to have a row each; None where none is asked for.
    """
    protocol, found, name = asked.protocol, len(asked.pool), SIDES[asked.side]
    there, least = int((sides == asked.side).sum()), 1 if units.labels is not None else protocol.ways or 2
    if classes is not None and (protocol.shots or 0) < classes:
        detail = f"expected a row of each of {classes} classes in every support, found shots {protocol.shots}"
        findings.problem(f"{asked.pointer}/shots", "out-of-range", detail)
    elif there < least and units.labels is not None:
        findings.problem("/split", "no-tasks", f"expected a task on every side of the split, found none in {name}")
    elif there < least:
        detail = f"expected at least {least} classes in {name}, one for each way, found {there} of {len(units.names)}"
        findings.problem(f"{asked.pointer}/ways", "way-exceeds-classes", detail)
    elif found < least:
        what = "a task" if units.labels is not None else f"{least} classes"
        detail = f"expected {what} of {name} with {_rows(protocol)}, found {found} among {there}; "
        findings.problem(f"{asked.pointer}/shots", "shot-exceeds-samples", detail + _largest(units, sides, asked.side))


def _rows(protocol: Protocol) -> str:
    shots, queries = protocol.shots or 0, protocol.queries or 0
    return f"{shots + queries} rows ({shots} to learn from, {queries} to be asked)"


def _largest(units: Units, sides: Sides, side: int) -> str:
    counts = np.bincount(units.codes[units.codes >= 0], minlength=len(units.names))
    return f"the largest has {int(counts[sides == side].max(initial=0))}"


def tell_small(pools: Mapping[int, Pool], units: Units, sides: Sides, training: Protocol, findings: Findings) -> None:
    """A notice of the classes or tasks that are too small for an episode of training and are left out."""
    left = [
        units.names[unit]
        for side in (TRAIN, VALIDATION, TEST)
        for unit in np.setdiff1d(np.flatnonzero(sides == side), pools[side].units)
    ]
    if left:
        what = "classes" if units.labels is None else "tasks"
        also = "" if pools[TRAIN].first is None else ", or not a row of each class"
        detail = f"{len(left)} of {len(units.names)} {what} have fewer than {_rows(training)}{also}, and are left out: "
        findings.notice("small-groups", detail + listing(left), "/episodes" if units.labels is None else "/tasks")
