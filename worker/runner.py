"""One attempt, from a claim to its ending, on one page: prepare, launch, converse, judge, settle, tidy."""

import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from store import claims
from store.artifacts import ArtifactStore, file_sha256
from store.claims import Claim, Outcome
from store.errors import ArtifactMissing, DatabaseBusy, LeaseLost
from store.session import Database
from worker.conversation import Conversation, LeaseGone, Order
from worker.endings import Crashed, Ending, Fenced, Finished, Preempted, judge
from worker.launch import Launcher, Mailbox
from worker.lease import Lease
from worker.messages import Log, problem
from worker.publish import outcome_of
from worker.report import Report
from worker.settings import WorkerSettings

log = structlog.get_logger(__name__)

T = TypeVar("T")
_SECONDS_BETWEEN_TRIES = 0.5
_MAX_OUT_OF_MEMORY = 2
_REFUSED = "The server could not store what the attempt told."


@dataclass(frozen=True)
class Bench:
    """What every attempt of this worker works with."""

    database: Database
    artifacts: ArtifactStore
    launcher: Launcher
    settings: WorkerSettings


def run_attempt(bench: Bench, claim: Claim, mailbox: Mailbox, *, claimed_at: float) -> Ending:
    """Run a claimed job until it ends, is given back, or is lost; return which.

    ``mailbox`` is where the slot puts its order to stop; ``claimed_at`` the clock of the lease before the claim.
    """
    lease = Lease(
        bench.database,
        claim,
        bench.settings,
        on_cancel=lambda keep_best: mailbox.put(Order("keep_best" if keep_best else "cancel")),
        on_lost=lambda: mailbox.put(LeaseGone()),
        claimed_at=claimed_at,
    )
    with lease:
        try:
            ending = _attempt(bench, claim, mailbox, lease)
            log.info("attempt ended", job=claim.fence.job_id, attempt=claim.fence.attempt, ending=ending)
            status = _settle(bench, claim, ending, lease)
        except SQLAlchemyError:  # what the database refuses now, it refuses of the next attempt too
            log.exception("refused by the database", job=claim.fence.job_id, attempt=claim.fence.attempt)
            ending = Finished("failed", error=problem("internal-error", _REFUSED, category="server"))
            status = _settle(bench, claim, ending, lease)
    _tidy(bench, claim, final=status in ("succeeded", "failed", "cancelled"))
    return ending


def _attempt(bench: Bench, claim: Claim, mailbox: Mailbox, lease: Lease) -> Ending:
    """Prepare, launch, converse and judge."""
    try:
        assignment = _assignment(bench, claim)
    except ArtifactMissing:
        return Finished(
            "failed",
            error=problem(
                "artifact-missing", "The data of a dataset or the file of a model is gone.", category="server"
            ),
        )
    try:
        child = bench.launcher.start(assignment, mailbox)
    except OSError as error:  # no process or descriptor to be had
        log.error("no child", job=claim.fence.job_id, reason=str(error))
        return Crashed("worker-crashed", exit_signal=None)
    lease.bind(child.kill)
    report = Report(bench.database, claim.fence)
    try:
        course = Conversation(report, child, mailbox, bench.settings).hold()
    except BaseException:
        child.kill()  # a supervisor that fails leaves no trainer behind
        raise
    ending = judge(course, max_job_seconds=bench.settings.max_job_seconds)
    if isinstance(ending, Crashed):
        report.take(Log(type="log", level="error", message=_crash_sentence(ending)))
    if not isinstance(ending, Fenced):
        _insist(lease, report.write)  # before the ending: a terminal job takes no more words
    return ending


def _assignment(bench: Bench, claim: Claim) -> dict[str, Any]:
    """What the child is to do. Raises ArtifactMissing."""
    job_id, attempt = claim.fence.job_id, claim.fence.attempt
    folder = bench.artifacts.checkpoints(job_id)
    return {
        "entry": bench.settings.entry,
        "job": job_id,
        "attempt": attempt,
        "kind": claim.kind,
        "spec": claim.spec,
        "datasets": {key: str(bench.artifacts.path(sha256)) for key, sha256 in claim.datasets.items()},
        "models": {key: str(_whole(bench, sha256)) for key, sha256 in claim.models.items()},
        "bases": {key: str(_whole(bench, sha256)) for key, sha256 in claim.bases.items()},
        "folder": str(bench.artifacts.work(job_id, attempt)),
        "checkpoints": [str(folder / point.file) for point in claim.checkpoints if _is_whole(folder, point)],
        "checkpoint_folder": str(folder),
    }


def _whole(bench: Bench, sha256: str) -> Path:
    """The file of a model, every byte of it as it was stored. Raises ArtifactMissing."""
    path = bench.artifacts.path(sha256)
    if file_sha256(path) != sha256:
        raise ArtifactMissing(sha256)
    return path


def _is_whole(folder: Path, checkpoint: claims.Checkpoint) -> bool:
    try:
        return file_sha256(folder / checkpoint.file) == checkpoint.sha256
    except OSError:
        return False  # swept, torn or unreadable: the one before it is as good


def _settle(bench: Bench, claim: Claim, ending: Ending, lease: Lease) -> str | None:
    """Write the ending; return the job's status after it, or None when the lease was lost."""
    if isinstance(ending, Fenced):
        return None
    if isinstance(ending, Finished):
        folder = bench.artifacts.work(claim.fence.job_id, claim.fence.attempt)
        outcome = outcome_of(bench.artifacts, claim, ending, folder)
        return _insist(lease, lambda: _finish(bench, claim, outcome))
    return _insist(lease, lambda: _release(bench, claim, ending))


def _finish(bench: Bench, claim: Claim, outcome: Outcome) -> str:
    with bench.database.transaction() as session:
        return claims.finish(session, claim.fence, now=bench.database.now(session), outcome=outcome).status


def _release(bench: Bench, claim: Claim, ending: Preempted | Crashed) -> str:
    with bench.database.transaction() as session:
        now = bench.database.now(session)
        if isinstance(ending, Preempted):
            return claims.release(session, claim.fence, now=now, outcome="preempted")
        # memory that was too little twice will be too little the third time
        limit = min(bench.settings.max_crashes, _MAX_OUT_OF_MEMORY if ending.code == "worker-oom" else sys.maxsize)
        category: Literal["capacity", "server"] = "capacity" if ending.code == "worker-oom" else "server"
        error = problem(ending.code, _crash_sentence(ending), category=category)
        return claims.release(session, claim.fence, now=now, outcome="lost", max_crashes=limit, error=error)


def _crash_sentence(ending: Crashed) -> str:
    if ending.code == "worker-oom":
        return "The attempt's process was killed because memory ran out."
    how = f" (signal {ending.exit_signal})" if ending.exit_signal else ""
    return f"The attempt's process died without a word{how}."


def _insist(lease: Lease, write: Callable[[], T]) -> T | None:
    """Write, for as long as the lease allows.

    A COMMIT whose answer was lost may be tried again: every write is fenced, so the second one changes nothing.
    """
    while not lease.lost:
        try:
            return write()
        except LeaseLost:
            return None
        except DatabaseBusy:
            lease.pause(_SECONDS_BETWEEN_TRIES)
    return None


def _tidy(bench: Bench, claim: Claim, *, final: bool) -> None:
    """Remove the attempt's folder, its job's when it was the last, and the checkpoints of a job that needs them no more."""
    folder = bench.artifacts.work(claim.fence.job_id, claim.fence.attempt)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another attempt has its folder there
        folder.parent.rmdir()
    if final:
        shutil.rmtree(bench.artifacts.checkpoints(claim.fence.job_id), ignore_errors=True)
