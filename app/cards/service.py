"""A model's card, from the store."""

from sqlalchemy.orm import Session

from app.cards.limits import limits
from app.cards.schemas import CardDataset, CardJob, CardTask, ModelCard
from app.models.schemas import SHOWN_TASKS
from app.models.service import first_tasks
from app.models.service import show as show_model
from app.pages import Warned
from app.parts import Parts
from store import aliases, datasets, jobs, models
from store.keys import Principal


def card(parts: Parts, who: Principal, reference: str) -> ModelCard:
    """All that is on record of the model that ``reference`` names by id or by alias."""
    project_id = who.project_id
    with parts.database.reading() as session:
        model = models.get(session, project_id, aliases.resolve(session, project_id, reference))
        job = None if model.job_id is None else jobs.get(session, project_id, model.job_id)
        tasks = _tasks(session, model)
        data = [] if job is None else [_dataset(one) for one in datasets.read_by(session, project_id, job.id)]
    result = {} if job is None else job.result or {}
    made_by = None if job is None else _job(job)
    shown = show_model(model)
    return ModelCard(
        object="model_card",
        model=shown,
        job=made_by,
        summary=result.get("summary"),
        counts=result.get("counts"),
        tasks=tasks,
        tasks_total=len(model.header["tasks"]),
        data=data,
        limits=limits(
            shown,
            made_by,
            tasks=tasks,
            counts=result.get("counts"),
            data=data,
            grouped=bool(model.header.get("group_by")),
        ),
    )


def _tasks(session: Session, model: models.Model) -> list[CardTask]:
    """The first of the model's tasks, each with what its job said of it, found by name."""
    first = first_tasks(model, SHOWN_TASKS)
    results = {}
    if model.kind == "meta" and model.job_id is not None:  # its figures are of protocols, each of them of many tasks
        found = jobs.task_results(
            session, model.project_id, model.job_id, limit=SHOWN_TASKS, after=None, verdict=None
        ).items
        told = ((result, {"name": result.name, "metrics": result.data["test"]}) for result in found)
        return [CardTask(task=first[0].model_copy(update=own), result=result.data) for result, own in told]
    if model.job_id is not None:
        found = jobs.task_results_named(session, model.project_id, model.job_id, names=[task.name for task in first])
        results = {result.name: result.data for result in found}
    return [CardTask(task=task, result=results.get(task.name)) for task in first]


def _job(job: jobs.Job) -> CardJob:
    return CardJob.model_validate(
        {
            "id": job.id,
            "name": job.name,
            "status": job.status,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "spec": job.spec,
            "environment": job.environment,
            "warnings": [Warned.model_validate(warning) for warning in job.warnings],
        }
    )


def _dataset(dataset: datasets.Dataset) -> CardDataset:
    return CardDataset(
        id=dataset.id,
        name=dataset.name,
        rows=dataset.description["rows"],
        sha256=dataset.sha256,
        deleted=dataset.deleted_at is not None,
    )
