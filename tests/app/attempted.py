"""A job of a tenant, run to its end by the training core in this process and stored as a worker stores it."""

import shutil
from pathlib import Path
from typing import Any

from store.claims import Claim
from tests.app.tenant import Tenant
from tests.worker.training.recorder import Recorder
from worker.endings import Finished
from worker.messages import Ended, Point
from worker.publish import outcome_of
from worker.training.attempt import run


def run_job(tenant: Tenant, job_id: str, *, queue: str = "train") -> dict[str, Any]:
    """Take the job up, train, store, end it; → the job as it is then shown."""
    held, channel = tenant.claim(job_id, queue=queue), Recorder()
    folder = tenant.service.artifacts.work(job_id, held.fence.attempt)
    ended = Ended.model_validate({"type": "ended", **run(_order(tenant, held, folder), channel)})
    points = [Point.model_validate(point) for point in channel.points]
    tenant.report(held, points=[point.model_dump() for point in points])
    assert ended.outcome != "preempted"
    finished = Finished(ended.outcome, ended.files, None if ended.error is None else ended.error.model_dump())
    tenant.finish(held, outcome_of(tenant.service.artifacts, held, finished, folder))
    shutil.rmtree(folder)
    return dict(tenant.client.get(f"/v1/jobs/{job_id}").json())


def _order(tenant: Tenant, held: Claim, folder: Path) -> dict[str, Any]:
    artifacts = tenant.service.artifacts
    return {
        "attempt": held.fence.attempt,
        "spec": held.spec,
        "datasets": {key: str(artifacts.path(sha256)) for key, sha256 in held.datasets.items()},
        "models": {key: str(artifacts.path(sha256)) for key, sha256 in held.models.items()},
        "bases": {key: str(artifacts.path(sha256)) for key, sha256 in held.bases.items()},
        "folder": str(folder),
        "checkpoints": [],
        "checkpoint_folder": str(folder / "checkpoints"),
        "threads": 1,
    }
