"""The end of an attempt: one transaction for the model, the dataset, the results, the status and the event."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from store import datasets, models
from store.claims.fence import Fence, hold
from store.claims.outcome import Finished, NewDataset, NewModel, Outcome
from store.jobs.events import insert_events
from store.lifecycle import fruit, settle
from store.tables import AttemptRow, JobRow, TaskResultRow

_UNLEASED = {"lease_owner": None, "lease_expires_at": None}


def finish(session: Session, fence: Fence, *, now: datetime, outcome: Outcome) -> Finished:
    """End the job as its holder.

    Raises LeaseLost; IllegalMove when the attempt says ``cancelled`` and nobody asked for that.
    """
    held = hold(session, fence, updated_at=now)
    end = settle(held.status, outcome.status, keep_best=held.keep_best)
    model = outcome.model if end.keeps_fruit else None
    dataset = outcome.dataset if end.keeps_fruit else None
    if model is not None:
        _add_model(session, held.project_id, fence, now=now, kind=held.kind, model=model)
    if dataset is not None:
        _add_dataset(session, held.project_id, fence, now=now, dataset=dataset)
    if end.keeps_fruit:
        _add_task_results(session, held.project_id, fence, outcome.tasks)
    dataset_id = dataset.id if dataset is not None and fruit(held.kind) == "dataset" else None
    values: dict[str, Any] = {
        "model_id": model.id if model else None,
        "dataset_id": dataset_id,
        "result": dict(outcome.result) if end.keeps_fruit and outcome.result is not None else None,
        "error": dict(outcome.error) if end.status == "failed" and outcome.error is not None else None,
    }
    if end.status == "succeeded":
        values["progress"] = {**held.progress, "fraction": 1.0, "eta_seconds": 0.0}
    end_attempt(session, fence, now=now, status=end.status, outcome=end.status, **values)
    return Finished(end.status, values["model_id"], values["dataset_id"])


def end_attempt(session: Session, fence: Fence, *, now: datetime, status: str, outcome: str, **values: Any) -> None:
    """Give the job up in ``status``: lease, attempt row and event, all under the fence."""
    if status in ("succeeded", "failed", "cancelled"):
        values["finished_at"] = now
    row = hold(session, fence, status=status, updated_at=now, last_event=JobRow.last_event + 1, **_UNLEASED, **values)
    session.execute(
        update(AttemptRow)
        .where(AttemptRow.job_id == fence.job_id, AttemptRow.attempt == fence.attempt)
        .values(ended_at=now, outcome=outcome)
        .execution_options(synchronize_session=False)
    )
    insert_events(
        session,
        project_id=row.project_id,
        job_id=fence.job_id,
        attempt=fence.attempt,
        last=row.last_event,
        now=now,
        items=[("status", {"status": status, "attempt": fence.attempt})],
    )


def _add_model(session: Session, project_id: str, fence: Fence, *, now: datetime, kind: str, model: NewModel) -> None:
    models.add(
        session,
        project_id,
        now=now,
        id=model.id,
        name=model.name,
        kind=kind,
        job_id=fence.job_id,
        header=model.header,
        artifact=model.artifact.sha256,
        bytes=model.artifact.bytes,
        parents=model.parents,
    )


def _add_dataset(session: Session, project_id: str, fence: Fence, *, now: datetime, dataset: NewDataset) -> None:
    datasets.add(
        session,
        project_id,
        now=now,
        id=dataset.id,
        name=dataset.name,
        format=dataset.format,
        bytes=dataset.artifact.bytes,
        sha256=dataset.artifact.sha256,
        artifact=dataset.artifact.sha256,
        description=dataset.description,
        job_id=fence.job_id,
    )


def _add_task_results(session: Session, project_id: str, fence: Fence, tasks: Sequence[Mapping[str, Any]]) -> None:
    if not tasks:
        return
    session.execute(
        insert(TaskResultRow),
        [
            {
                "project_id": project_id,
                "job_id": fence.job_id,
                "position": position,
                "name": task["name"],
                "verdict": task.get("verdict"),
                "data": {key: value for key, value in task.items() if key != "name"},
            }
            for position, task in enumerate(tasks)
        ],
    )
