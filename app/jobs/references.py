"""What a job's body names: its datasets and models, found for the project that asks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.errors import ApiError, first_problem
from app.parts import Parts
from learning.adapting import Delta, child_header
from learning.header import ModelHeader
from learning.meta_header import MetaHeader
from learning.model import AnyHeader, ModelFileInvalid, read_header
from learning.specs import AdaptJob, EvaluateJob, JobSpec, MetaJob, MultitaskJob, PredictJob, TransferJob
from learning.tables import Table
from store import aliases, datasets, models
from store.errors import DatasetDeleted, DatasetNotFound, ModelDeleted, ModelNotFound, NotFound
from store.keys import Principal

_DELETED = (DatasetDeleted.code, ModelDeleted.code)


@dataclass(frozen=True)
class Found:
    """By id, everything that a job reads."""

    tables: Mapping[str, Table]
    headers: Mapping[str, ModelHeader]
    meta: Mapping[str, MetaHeader]
    """Those of the models that answer once they are adapted: only a job that adapts, or that trains one on, may name one."""


def dataset_references(spec: JobSpec) -> Iterator[tuple[str, str]]:
    """Where the spec names a dataset, and which."""
    if isinstance(spec, TransferJob):
        yield "/task/dataset", spec.task.dataset
    elif isinstance(spec, MetaJob):
        yield f"{spec.pointer}/dataset", spec.data.dataset
    elif isinstance(spec, AdaptJob):
        yield "/support", spec.support
    elif not isinstance(spec, MultitaskJob):
        yield "/dataset", spec.dataset
    elif isinstance(spec.tasks, tuple):
        for position, task in enumerate(spec.tasks):
            yield f"/tasks/{position}/dataset", task.dataset
    else:
        yield "/tasks/dataset", spec.tasks.dataset


def model_references(spec: JobSpec) -> Iterator[tuple[str, str]]:
    """Where the spec names a model, and which."""
    if isinstance(spec, PredictJob | AdaptJob):
        yield "/model", spec.model
    elif isinstance(spec, EvaluateJob):
        for position, model in enumerate(spec.models):
            yield f"/models/{position}", model
    elif isinstance(spec, TransferJob):
        yield "/source", spec.source
    elif isinstance(spec, MultitaskJob | MetaJob) and spec.init is not None:
        yield "/init", spec.init


def with_ids(session: Session, project_id: str, spec: JobSpec) -> JobSpec:
    """The spec with the id of each model that it names by an alias: what is asked now, wherever the alias goes later."""
    if isinstance(spec, PredictJob | AdaptJob):
        return spec.model_copy(update={"model": _model_id(session, project_id, spec.model)})
    if isinstance(spec, EvaluateJob):
        return spec.model_copy(update={"models": tuple(_model_id(session, project_id, one) for one in spec.models)})
    if isinstance(spec, TransferJob):
        return spec.model_copy(update={"source": _model_id(session, project_id, spec.source)})
    if isinstance(spec, MultitaskJob | MetaJob) and spec.init is not None:
        return spec.model_copy(update={"init": _model_id(session, project_id, spec.init)})
    return spec


def _model_id(session: Session, project_id: str, reference: str) -> str:
    try:
        return aliases.resolve(session, project_id, reference)
    except NotFound:
        return reference  # told below, with where it stands


def find(parts: Parts, who: Principal, spec: JobSpec) -> Found:
    """What the spec names, by ids.

    Raises:
        ApiError: the project does not have one of them, or had it; a foreign one is an unknown one.
    """
    tables: dict[str, Table] = {}
    asked: dict[str, models.Model] = {}
    absent: list[tuple[str, str, _Pin]] = []
    with parts.database.reading() as session:
        for pointer, key in _once(dataset_references(spec)):
            try:
                tables[key] = Table(key, parts.artifacts.path(datasets.get(session, who.project_id, key).artifact))
            except NotFound:
                absent.append((pointer, key, _pin_dataset))
        for pointer, key in _once(model_references(spec)):
            try:
                asked[key] = models.get(session, who.project_id, key)
            except NotFound:
                absent.append((pointer, key, models.pin))
    if absent:
        raise _absent(parts, who, absent)
    headers: dict[str, ModelHeader] = {}
    meta: dict[str, MetaHeader] = {}
    for pointer, key in _once(model_references(spec)):
        header = _header(parts, asked[key])
        if isinstance(header, ModelHeader):
            headers[key] = header
        elif isinstance(spec, AdaptJob | MetaJob):
            meta[key] = header
        else:
            detail = "expected a model that answers, found a meta-model, which answers once it is adapted to a task"
            raise first_problem([{"pointer": pointer, "code": "not-adapted", "detail": detail}], status=422)
    return Found(tables, headers, meta)


def still_there(parts: Parts, who: Principal, dataset_ids: Collection[str]) -> list[str]:
    """Those of the datasets that the project has."""
    with parts.database.reading() as session:
        return sorted(datasets.living(session, who.project_id, dataset_ids))


def _once(references: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for pointer, key in references:
        if key not in seen:
            seen.add(key)
            yield pointer, key


def _header(parts: Parts, model: models.Model) -> AnyHeader:
    try:
        if model.base is None:
            return read_header(parts.artifacts.path(model.artifact))
        delta = Delta.load(parts.artifacts.path(model.artifact))
        return child_header(read_header(parts.artifacts.path(model.base.artifact)), delta.header)
    except (ModelFileInvalid, OSError) as error:
        raise ApiError("model-corrupt", "expected the stored model's own header, found none") from error


_Pin = Callable[[Session, str, str], None]


def _pin_dataset(session: Session, project_id: str, dataset_id: str) -> None:
    datasets.pin(session, project_id, [dataset_id])


def _absent(parts: Parts, who: Principal, absent: list[tuple[str, str, _Pin]]) -> ApiError:
    """Tell the deleted from the unknown."""
    problems: list[dict[str, str]] = []
    for pointer, key, pin in absent:
        try:
            with parts.database.transaction() as session:
                pin(session, who.project_id, key)
        except (DatasetNotFound, DatasetDeleted, ModelNotFound, ModelDeleted) as error:
            problems.append({"pointer": pointer, "code": error.code, "detail": str(error)})
    # unknown before deleted: what cannot be is told before what is no more
    return first_problem(sorted(problems, key=lambda problem: problem["code"] in _DELETED))
