"""How an attempt ends: one transaction, one model, and a cancel that came first wins."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from store import datasets, jobs, models
from store.claims import NewDataset, NewModel, Outcome
from store.errors import IllegalMove, JobFinished, LeaseLost, NotFound
from store.tables import ModelRow
from tests.store.conftest import FAILURE, blob

TASKS: list[dict[str, Any]] = [
    {"name": "quality", "verdict": "helped", "metric": "rmse"},
    {"name": "colour", "verdict": None, "metric": "accuracy"},
]


def model_of(toy, job_id):
    with toy.database.reading() as session:
        return models.get(session, toy.project_id, toy.job(job_id).model_id)


def models_of(toy, job_id):
    with toy.database.reading() as session:
        return session.execute(select(func.count()).where(ModelRow.job_id == job_id)).scalar_one()


def test_success_stores_the_model_the_dataset_and_the_results_together(toy):
    fence = toy.running()
    predictions = NewDataset(name="predictions", description={"rows": 3}, artifact=blob("predictions"))
    outcome = toy.success(
        model=NewModel(name="wine", header={"tasks": [1]}, artifact=blob("weights")),
        result={"test_predictions": predictions.id},
        tasks=TASKS,
        dataset=predictions,
    )
    toy.clock.advance(3)
    finished = toy.finish(fence, outcome)
    job = toy.job(fence.job_id)
    assert finished.status == job.status == "succeeded"
    assert finished.model_id == job.model_id == outcome.model.id
    assert job.finished_at == toy.clock.time
    assert job.result == {"test_predictions": predictions.id}
    assert job.error is None
    assert job.progress["fraction"] == 1.0
    model = model_of(toy, job.id)
    assert (model.name, model.kind, model.job_id, model.header) == ("wine", "multitask", job.id, {"tasks": [1]})
    assert (model.artifact, model.bytes) == (blob("weights").sha256, len("weights"))
    with toy.database.reading() as session:
        dataset = datasets.get(session, toy.project_id, predictions.id)
        tasks = jobs.task_results(session, toy.project_id, job.id).items
    assert (dataset.job_id, dataset.format, dataset.artifact) == (job.id, "parquet", blob("predictions").sha256)
    assert [(task.name, task.verdict) for task in tasks] == [("quality", "helped"), ("colour", None)]
    assert tasks[0].data == {"verdict": "helped", "metric": "rmse"}
    assert toy.outcomes(job.id) == ["succeeded"]
    assert toy.events(job.id)[-1].data == {"status": "succeeded", "attempt": 1}


def test_the_predictions_of_a_trained_model_are_not_its_jobs_fruit(toy):
    fence = toy.running()
    toy.finish(fence, toy.success(dataset=NewDataset(name=None, description={}, artifact=blob("p"))))
    assert toy.job(fence.job_id).dataset_id is None


def test_a_batch_prediction_succeeds_with_a_dataset_and_no_model(toy):
    fence = toy.running(kind="predict")
    dataset = NewDataset(name=None, description={}, artifact=blob("p"))
    finished = toy.finish(fence, Outcome("succeeded", dataset=dataset))
    assert (finished.status, finished.model_id, finished.dataset_id) == ("succeeded", None, dataset.id)
    assert toy.job(fence.job_id).dataset_id == dataset.id


@pytest.mark.parametrize("kind", ["multitask", "predict", "evaluate", "replay"])
def test_no_job_succeeds_without_its_fruit(toy, kind):
    fence = toy.running(kind=kind)
    with pytest.raises(IntegrityError):
        toy.finish(fence, Outcome("succeeded"))
    assert toy.job(fence.job_id).status == "running"


def test_a_failure_has_its_reason_and_nothing_else(toy):
    fence = toy.running()
    toy.finish(fence, Outcome("failed", error=FAILURE, tasks=TASKS))
    job = toy.job(fence.job_id)
    assert (job.status, job.error, job.result, job.model_id) == ("failed", FAILURE, None, None)
    assert toy.outcomes(job.id) == ["failed"]
    with toy.database.reading() as session:
        assert jobs.task_results(session, toy.project_id, job.id).items == ()


def test_a_failure_without_a_reason_is_refused(toy):
    fence = toy.running()
    with pytest.raises(IntegrityError):
        toy.finish(fence, Outcome("failed"))


def test_a_success_that_meets_a_cancel_is_cancelled_and_leaves_no_model(toy):
    fence = toy.running()
    toy.cancel(fence.job_id)
    assert toy.finish(fence, toy.success(tasks=TASKS)).status == "cancelled"
    job = toy.job(fence.job_id)
    assert (job.status, job.model_id, job.result) == ("cancelled", None, None)
    assert models_of(toy, job.id) == 0
    assert toy.outcomes(job.id) == ["cancelled"]


@pytest.mark.parametrize("ending", ["succeeded", "cancelled"])
def test_a_cancelled_job_keeps_its_best_model_on_request_only(toy, ending):
    fence = toy.running()
    toy.cancel(fence.job_id, keep_best=True)
    model = NewModel(name="best so far", header={}, artifact=blob())
    assert toy.finish(fence, Outcome(ending, model=model)).status == "cancelled"
    assert toy.job(fence.job_id).model_id == model.id
    assert model_of(toy, fence.job_id).name == "best so far"


def test_a_cancel_before_there_was_a_best_model_keeps_none(toy):
    fence = toy.running()
    toy.cancel(fence.job_id, keep_best=True)
    assert toy.finish(fence, Outcome("cancelled")).model_id is None
    assert toy.job(fence.job_id).status == "cancelled"


def test_a_failure_that_meets_a_cancel_is_cancelled(toy):
    fence = toy.running()
    toy.cancel(fence.job_id, keep_best=True)
    toy.finish(fence, Outcome("failed", error=FAILURE))
    assert (toy.job(fence.job_id).status, toy.job(fence.job_id).error) == ("cancelled", None)


def test_an_attempt_cannot_cancel_a_job_that_nobody_cancelled(toy):
    fence = toy.running()
    with pytest.raises(IllegalMove):
        toy.finish(fence, Outcome("cancelled"))
    assert toy.job(fence.job_id).status == "running"


def test_a_finish_that_breaks_stores_none_of_it(toy):
    fence = toy.running()
    orphan = NewModel(name="child", header={}, artifact=blob(), parents=["mdl_unknown"])
    with pytest.raises(NotFound):
        toy.finish(fence, toy.success(model=orphan, tasks=TASKS))
    assert models_of(toy, fence.job_id) == 0
    assert toy.job(fence.job_id).status == "running"
    assert toy.finish(fence).status == "succeeded"


def test_of_finish_and_cancel_whichever_commits_first_wins(toy):
    for _ in range(12):
        fence = toy.running()
        start = threading.Barrier(2)
        refused: list[JobFinished] = []

        def cancel(fence=fence, start=start, refused=refused):
            start.wait(10)
            try:
                toy.cancel(fence.job_id)
            except JobFinished as error:
                refused.append(error)

        thread = threading.Thread(target=cancel)
        thread.start()
        start.wait(10)
        status = toy.finish(fence).status
        thread.join(30)
        assert status == toy.job(fence.job_id).status == ("succeeded" if refused else "cancelled")
        assert models_of(toy, fence.job_id) == (1 if refused else 0)


def test_of_two_finishes_one_is_stored(toy):
    fence = toy.running()
    results = []
    start = threading.Barrier(2)

    def finish():
        start.wait(10)
        try:
            results.append(toy.finish(fence).status)
        except LeaseLost:
            results.append("lost")

    threads = [threading.Thread(target=finish) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(results) == ["lost", "succeeded"]
    assert models_of(toy, fence.job_id) == 1


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("status = 'paused'", "status"),
        ("status = 'queued'", "lease"),
        ("lease_owner = NULL", "lease"),
        ("lease_expires_at = NULL", "lease"),
        ("status = 'succeeded', lease_owner = NULL, lease_expires_at = NULL", "finished|fruit"),
        ("finished_at = created_at", "finished"),
        ("model_id = 'mdl_1'", "no_model"),
        ("error = '{}'", "reason"),
        ("status = 'cancelling'", "cancel_was_asked"),
        ("crash_count = 2", "counters"),
    ],
)
def test_the_database_itself_refuses_a_job_that_cannot_be(toy, change, constraint):
    fence = toy.running()
    with pytest.raises(IntegrityError, match=f"ck_jobs_({constraint})|{constraint}"), toy.writing() as session:
        session.execute(text(f"UPDATE jobs SET {change} WHERE id = '{fence.job_id}'"))
    assert toy.job(fence.job_id).status == "running"
