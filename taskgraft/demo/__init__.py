"""The demonstration: a service of its own in a temporary folder, driven over HTTP through all three families."""

import os
import tempfile
import time
from pathlib import Path

from rich.console import Console

from taskgraft.client import Taskgraft
from taskgraft.demo.cancel import cancel
from taskgraft.demo.meta import meta
from taskgraft.demo.multitask import breast_cancer, digits
from taskgraft.demo.stage import Stage
from taskgraft.demo.transfer import transfer
from taskgraft.up import Service


def demo() -> None:
    """Upload, train, compare, predict, transfer, adapt, cancel; then stop everything that was started."""
    console, began = Console(), time.monotonic()
    # no setting of the caller's: the demonstration touches no database, Redis or service but its own
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TASKGRAFT_")}
    console.print("Starting the database, Redis, the worker and the API …")
    with (
        tempfile.TemporaryDirectory(prefix="taskgraft-demo-") as folder,
        Service(Path(folder) / "data", environment=clean) as running,
        Taskgraft(running.url, running.key) as service,
    ):
        stage = Stage(service, console)
        stage.say(f"The service answers at {running.url} (documentation: {running.url}/docs)")
        breast_cancer(stage)
        dataset = digits(stage)
        transfer(stage)
        meta(stage)
        cancel(stage, dataset)
        stage.say("Stopping …")
    seconds = time.monotonic() - began
    stage.say(f"All stopped and removed after {seconds:.0f} s. Run a service of your own with: make up")
