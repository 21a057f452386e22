"""From a body to a plan: what a job would do, or everything that stands against it."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import torch

from app.errors import ApiError, first_problem
from app.parts import Parts
from learning.planning import Plan, plan
from learning.specs import MultitaskJob, parse_spec
from learning.tables import Table
from store import datasets
from store.errors import DatasetDeleted, DatasetNotFound, NotFound
from store.keys import Principal


def planned(parts: Parts, who: Principal, body: Mapping[str, Any]) -> Plan:
    """The plan of the job that ``body`` asks for; with ``problems`` it must not be run.

    Raises:
        SpecError: the spec cannot be read.
        ApiError: it names a dataset that the project does not have, or had.
    """
    spec = parse_spec(body)
    return plan(spec, _tables(parts, who, spec), devices=devices())


@cache
def devices() -> frozenset[str]:
    """What a job may ask to run on: the workers' hosts are taken to be like this one."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return frozenset({"cpu", *(["cuda"] if count else []), *(f"cuda:{index}" for index in range(count))})


def references(spec: MultitaskJob) -> Iterator[tuple[str, str]]:
    """Where the spec names a dataset, and which."""
    if isinstance(spec.tasks, tuple):
        for position, task in enumerate(spec.tasks):
            yield f"/tasks/{position}/dataset", task.dataset
    else:
        yield "/tasks/dataset", spec.tasks.dataset


def _tables(parts: Parts, who: Principal, spec: MultitaskJob) -> Mapping[str, Table]:
    tables: dict[str, Table] = {}
    absent: list[tuple[str, str]] = []
    with parts.database.reading() as session:
        for pointer, dataset_id in references(spec):
            if dataset_id in tables:
                continue
            try:
                row = datasets.get(session, who.project_id, dataset_id)
            except NotFound:
                absent.append((pointer, dataset_id))
            else:
                tables[dataset_id] = Table(dataset_id, parts.artifacts.path(row.artifact))
    if absent:
        raise _absent(parts, who, absent)
    return tables


def _absent(parts: Parts, who: Principal, absent: list[tuple[str, str]]) -> ApiError:
    """Tell the deleted from the unknown; a foreign dataset is an unknown one."""
    problems: list[dict[str, str]] = []
    for pointer, dataset_id in absent:
        try:
            with parts.database.transaction() as session:
                datasets.pin(session, who.project_id, [dataset_id])
        except (DatasetNotFound, DatasetDeleted) as error:
            problems.append({"pointer": pointer, "code": error.code, "detail": str(error)})
    # unknown before deleted: what cannot be is told before what is no more
    return first_problem(sorted(problems, key=lambda problem: problem["code"] == DatasetDeleted.code))
