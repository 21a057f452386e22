"""The demonstration: a service of its own in a temporary folder, driven over HTTP on data that ships with scikit-learn."""

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from taskgraft import report
from taskgraft.client import Taskgraft
from taskgraft.errors import Document
from taskgraft.up import Service

_KEPT_BACK = 3  # rows that no job sees: they are predicted at the end


def demo() -> None:
    """Upload, train, compare, predict, cancel; then stop everything that was started."""
    console, began = Console(), time.monotonic()
    # no setting of the caller's: the demonstration touches no database, Redis or service but its own
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TASKGRAFT_")}
    console.print("Starting the database, Redis, the worker and the API …")
    with (
        tempfile.TemporaryDirectory(prefix="taskgraft-demo-") as folder,
        Service(Path(folder) / "data", environment=clean) as running,
        Taskgraft(running.url, running.key) as service,
    ):
        console.print(f"The service answers at {running.url} (documentation: {running.url}/docs)", markup=False)
        _learn_and_predict(service, console)
        _classify(service, console)
        _cancel(service, console)
        console.print("Stopping …")
    seconds = time.monotonic() - began
    console.print(
        f"All stopped and removed after {seconds:.0f} s. Run a service of your own with: make up", markup=False
    )


def _learn_and_predict(service: Taskgraft, console: Console) -> None:
    """One job, four tasks of two types: a diagnosis, and three measurements of the worst cells, from the mean cells."""
    columns = breast_cancer()
    kept = {name: values[-_KEPT_BACK:] for name, values in columns.items()}
    targets = {
        "malignant": "binary",
        "worst_texture": "regression",
        "worst_smoothness": "regression",
        "worst_concavity": "regression",
    }
    console.rule("1. Breast cancer: one binary and three regression tasks share a network")
    job = _train(
        service,
        console,
        "breast-cancer",
        {name: values[:-_KEPT_BACK] for name, values in columns.items()},
        {name: {"target": name, "type": kind} for name, kind in targets.items()},
    )
    features = {name: values for name, values in kept.items() if name not in targets}
    predicted = service.predict(job["model"], columns=features)["predictions"]
    console.print(
        f"POST /v1/models/{job['model']}/predictions for {_KEPT_BACK} patients nobody trained on:", markup=False
    )
    for name in targets:
        answer = predicted[name].get("labels") or [round(value, 4) for value in predicted[name]["values"]]
        console.print(f"  {name}: {answer}; in truth {kept[name]}", markup=False)
    one = service.predict_one(job["model"], **{name: values[0] for name, values in features.items()})
    console.print(f"GET, one patient: malignant {one['predictions']['malignant']}", markup=False)


def _classify(service: Taskgraft, console: Console) -> None:
    console.rule("2. Wine: three cultivars and two chemical measurements")
    tasks = {
        "cultivar": {"type": "multiclass"},
        "color_intensity": {"type": "regression"},
        "flavanoids": {"type": "regression"},
    }
    _train(service, console, "wine", wine(), {name: task | {"target": name} for name, task in tasks.items()})


def _cancel(service: Taskgraft, console: Console) -> None:
    console.rule("3. A job that takes too long is cancelled")
    dataset = service.upload(digits(), name="digits")
    job = service.submit(
        {
            "kind": "multitask",
            "name": "digits, too long",
            "tasks": [{"name": name, "dataset": dataset["id"], "target": name} for name in ("digit", "even")],
            "training": {"epochs": 10_000, "patience": 10_000},
        }
    )
    while job["status"] == "queued":
        job = service.job(job["id"], wait_seconds=10)
    service.cancel(job["id"])
    ended = service.wait(job["id"])
    console.print(f"{ended['name']}: {ended['status']}, no model ({ended['model']})", markup=False)


def _train(
    service: Taskgraft, console: Console, name: str, columns: dict[str, list[Any]], tasks: dict[str, Document]
) -> Document:
    dataset = service.upload(columns, name=name)
    console.print(
        f"uploaded {name}: {dataset['rows']} rows, {len(dataset['columns'])} columns, {dataset['id']}", markup=False
    )
    listed = [{"name": task, "dataset": dataset["id"]} | wanted for task, wanted in tasks.items()]
    job = service.submit({"kind": "multitask", "name": name, "tasks": listed})
    done = report.follow(service, job, console=console)
    report.show(done, console=console)
    return done


def breast_cancer() -> dict[str, list[Any]]:
    """569 biopsies: the means and errors of ten measurements; the diagnosis and three worst-cell measurements to predict."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    columns = _columns(table)
    kept = {name: values for name, values in columns.items() if not name.startswith("worst_")}
    worst = {name: columns[name] for name in ("worst_texture", "worst_smoothness", "worst_concavity")}
    return kept | worst | {"malignant": ["yes" if label == 0 else "no" for label in table.target]}


def wine() -> dict[str, list[Any]]:
    """178 wines of three cultivars, thirteen chemical measurements."""
    from sklearn.datasets import load_wine

    table = load_wine()
    return _columns(table) | {"cultivar": [f"cultivar {label + 1}" for label in table.target]}


def digits() -> dict[str, list[Any]]:
    """1,797 handwritten digits as 64 numbers each."""
    from sklearn.datasets import load_digits

    table = load_digits()
    return _columns(table) | {
        "digit": [f"d{label}" for label in table.target],
        "even": [bool(label % 2 == 0) for label in table.target],
    }


def _columns(table: Any) -> dict[str, list[Any]]:
    return {
        str(name).replace(" ", "_"): table.data[:, index].tolist() for index, name in enumerate(table.feature_names)
    }
