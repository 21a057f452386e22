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

_SIMPLER = {"even": (0, 2, 4, 6, 8), "five_or_more": (5, 6, 7, 8, 9), "loop": (0, 6, 8, 9)}  # yes for these digits
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
        console.print(
            f"The service answers at {running.url} (documentation: {running.url}/docs)", markup=False, soft_wrap=True
        )
        _learn_and_predict(service, console)
        _cancel(service, console, _share(service, console))
        console.print("Stopping …")
    seconds = time.monotonic() - began
    console.print(
        f"All stopped and removed after {seconds:.0f} s. Run a service of your own with: make up",
        markup=False,
        soft_wrap=True,
    )


def _learn_and_predict(service: Taskgraft, console: Console) -> None:
    """One job, four tasks of two types: a diagnosis, and three measurements of the worst cells, from the mean cells."""
    console.rule("1. Breast cancer: one binary and three regression tasks share a network")
    columns = breast_cancer()
    kept = {name: values[-_KEPT_BACK:] for name, values in columns.items()}
    dataset = _upload(
        service, console, "breast-cancer", {name: values[:-_KEPT_BACK] for name, values in columns.items()}
    )
    targets = {
        "malignant": "binary",
        "worst_texture": "regression",
        "worst_smoothness": "regression",
        "worst_concavity": "regression",
    }
    job = _train(service, console, "breast-cancer", dataset, {name: {"type": kind} for name, kind in targets.items()})
    features = {name: values for name, values in kept.items() if name not in targets}
    predicted = service.predict(job["model"], columns=features)["predictions"]
    console.print(
        f"POST /v1/models/{job['model']}/predictions for {_KEPT_BACK} patients nobody trained on:",
        markup=False,
        soft_wrap=True,
    )
    for name in targets:
        answer = predicted[name].get("labels") or [round(value, 4) for value in predicted[name]["values"]]
        console.print(f"  {name}: {answer}; in truth {kept[name]}", markup=False, soft_wrap=True)
    one = service.predict_one(job["model"], **{name: values[0] for name, values in features.items()})
    answer = one["predictions"]["malignant"]
    odds = ", ".join(
        f"{name} {share:.3f}" for name, share in zip(answer["classes"], answer["probabilities"][0], strict=True)
    )
    console.print(f"GET, one patient: malignant {answer['labels'][0]} ({odds})", markup=False, soft_wrap=True)


def _share(service: Taskgraft, console: Console) -> Document:
    """One job in which one task has few labels; → its dataset."""
    console.rule("2. Digits: few labels of which it is, many of simpler questions")
    columns = digits()
    dataset = _upload(service, console, "digits", columns)
    tasks: dict[str, Document] = {"digit": {"type": "multiclass"}} | {name: {"type": "binary"} for name in _SIMPLER}
    _train(service, console, "digits", dataset, tasks, split={"column": "split"}, training={"epochs": 100})
    console.print(
        "An empty label masks its row for that task only; the verdicts say whom sharing helped, and whom it hurt."
    )
    return dataset


def _cancel(service: Taskgraft, console: Console, dataset: Document) -> None:
    console.rule("3. A job that takes too long is cancelled")
    job = service.submit(
        {
            "kind": "multitask",
            "name": "too long",
            "tasks": [{"name": "digit", "dataset": dataset["id"], "target": "digit"}],
            "training": {"epochs": 10_000, "patience": 10_000},
        }
    )
    while job["status"] == "queued":
        job = service.job(job["id"], wait_seconds=10)
    service.cancel(job["id"])
    ended = service.wait(job["id"])
    console.print(f"{ended['name']}: {ended['status']}, no model ({ended['model']})", markup=False, soft_wrap=True)


def _upload(service: Taskgraft, console: Console, name: str, columns: dict[str, list[Any]]) -> Document:
    dataset = service.upload(columns, name=name)
    size = f"{dataset['rows']} rows, {len(dataset['columns'])} columns"
    console.print(f"uploaded {name}: {size}, {dataset['id']}", markup=False, soft_wrap=True)
    return dataset


def _train(
    service: Taskgraft, console: Console, name: str, dataset: Document, tasks: dict[str, Document], **more: Document
) -> Document:
    listed = [{"name": task, "dataset": dataset["id"], "target": task} | wanted for task, wanted in tasks.items()]
    job = service.submit({"kind": "multitask", "name": name, "tasks": listed} | more)
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


def digits() -> dict[str, list[Any]]:
    """1,797 digits of 64 pixels; in the training part only one label of ten says which digit it is."""
    import numpy as np
    from sklearn.datasets import load_digits

    table = load_digits()
    label = table.target
    split = np.random.default_rng(0).choice(["train", "validation", "test"], p=[0.45, 0.1, 0.45], size=len(label))
    shown = (split != "train") | (np.arange(len(label)) % 10 == 0)
    digit = [f"digit {value}" if known else None for value, known in zip(label, shown, strict=True)]
    simpler = {name: np.isin(label, values).tolist() for name, values in _SIMPLER.items()}
    return _columns(table) | {"digit": digit} | simpler | {"split": split.tolist()}


def _columns(table: Any) -> dict[str, list[Any]]:
    return {
        str(name).replace(" ", "_"): table.data[:, index].tolist() for index, name in enumerate(table.feature_names)
    }
