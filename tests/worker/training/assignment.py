"""An attempt of the training core as its supervisor would order it, and what it left."""

import json

from tests.worker.training.recorder import Recorder
from worker.training.attempt import run


def attempt(folder, spec, dataset, *, number=1, checkpoints=(), channel=None, more=None, models=None):
    work = folder / f"work-{number}"
    work.mkdir()
    channel = channel or Recorder()
    order = {
        "attempt": number,
        "spec": spec,
        "datasets": {name: str(path) for name, path in {"ds_1": dataset, **(more or {})}.items()},
        "models": {name: str(path) for name, path in (models or {}).items()},
        "folder": str(work),
        "checkpoints": list(checkpoints),
        "checkpoint_folder": str(folder / "checkpoints"),
        "threads": 1,
    }
    return run(order, channel), work, channel


def result_of(work):
    return json.loads((work / "result.json").read_text())
