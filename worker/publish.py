"""Turns the files that a child left into artifacts and an outcome. The child is not trusted with paths or shapes."""

import errno
import json
import re
import stat
from pathlib import Path
from typing import Any

from store.artifacts import ArtifactStore
from store.claims import Claim, NewDataset, NewModel, Outcome
from store.ingest import describe_file, rewrite
from store.lifecycle import fruit
from worker.endings import Finished
from worker.messages import problem

_MAX_RESULT_BYTES = 64 * 1024 * 1024
#: Above so many tasks the job's own result omits ``tasks``; they are read in pages (API.md section 4).
_TASKS_IN_RESULT = 50
#: Of these kinds a result has no tasks of its own.
_NO_TASKS = ("predict", "replay")
#: A NUL as JSON writes it, which no database stores: behind an even number of backslashes, for an odd one escapes it.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class UnfitResult(Exception):
    """The child's files are not what a result is made of."""


def outcome_of(artifacts: ArtifactStore, claim: Claim, ending: Finished, folder: Path) -> Outcome:
    """Publish the files of a finished attempt and return what its last transaction stores.

    A file that is missing, foreign or of another shape, or a full disk, makes the outcome a failure.
    """
    if ending.files.result is None:
        if ending.status == "succeeded":
            return _failed("internal-error", "The attempt succeeded without a result.")
        return Outcome(ending.status, error=ending.error)
    try:
        return _published(artifacts, claim, ending, folder)
    except UnfitResult as error:
        return _failed("internal-error", f"The attempt's files cannot be stored: {error}.")
    except OSError as error:
        full = "The disk for artifacts is full." if error.errno == errno.ENOSPC else "The artifacts cannot be written."
        return Outcome("failed", error=problem("storage-full", full, category="capacity"))


def _published(artifacts: ArtifactStore, claim: Claim, ending: Finished, folder: Path) -> Outcome:
    told = _read_result(folder)
    dataset = None
    if ending.files.predictions is not None:
        dataset = _predictions(artifacts, claim, _own_file(folder, ending.files.predictions))
    model = None
    if ending.files.model is not None:
        stored = artifacts.publish(_own_file(folder, ending.files.model))
        model = NewModel(name=claim.name, header=told["model"], artifact=stored, parents=tuple(claim.models))
    tasks = told["tasks"]
    listed = {task["name"]: {key: value for key, value in task.items() if key != "name"} for task in tasks}
    result = {
        **({"tasks": listed} if claim.kind not in _NO_TASKS and len(tasks) <= _TASKS_IN_RESULT else {}),
        **told["result"],
    }
    if fruit(claim.kind) == "model":  # a job whose fruit is a dataset names it itself
        result["test_predictions"] = dataset.id if dataset is not None else None
    return Outcome(ending.status, result=result, tasks=tasks, model=model, dataset=dataset)


def _read_result(folder: Path) -> dict[str, Any]:
    """The three parts of ``result.json``, each of its shape."""
    file = _own_file(folder, "result.json")
    if file.stat().st_size > _MAX_RESULT_BYTES:
        raise UnfitResult(f"expected at most {_MAX_RESULT_BYTES} bytes of result, found {file.stat().st_size}")
    text = file.read_bytes()
    if _NUL.search(text):
        raise UnfitResult("expected text that a database stores, found NUL in the result")
    try:
        told = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise UnfitResult(f"expected JSON as the result, found {error}") from None
    shapes: dict[str, tuple[type, str]] = {
        "result": (dict, "an object"),
        "tasks": (list, "a list"),
        "model": (dict, "an object"),
    }
    for name, (shape, words) in shapes.items():
        if not isinstance(told, dict) or not isinstance(told.get(name), shape):
            raise UnfitResult(f"expected {words} named {name} in the result, found none")
    if not all(isinstance(task, dict) and isinstance(task.get("name"), str) for task in told["tasks"]):
        raise UnfitResult("expected tasks with names, found others")
    return dict(told)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"the number {name}")


def _predictions(artifacts: ArtifactStore, claim: Claim, file: Path) -> NewDataset:
    """The predictions, for the test rows of a training, as a dataset like any other; they may be larger than memory."""
    staged = artifacts.stage()
    description = describe_file(staged, None, decoded_bytes=rewrite(file, staged))
    what = "predictions" if fruit(claim.kind) == "dataset" else "test predictions"
    return NewDataset(
        name=f"{claim.name or claim.kind} {what}", description=description, artifact=artifacts.publish(staged)
    )


def _own_file(folder: Path, name: str) -> Path:
    """A regular file of the attempt's own folder: no link leads a child's word to another file of this host."""
    file = folder / name
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        raise UnfitResult(f"expected the file {name}, found none") from None
    if not stat.S_ISREG(mode):
        raise UnfitResult(f"expected {name} to be a file, found something else")
    return file


def _failed(code: str, message: str) -> Outcome:
    return Outcome("failed", error=problem(code, message, category="server"))
