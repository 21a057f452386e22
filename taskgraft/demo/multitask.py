"""Multi-task learning, on data that ships with scikit-learn."""

from collections.abc import Mapping
from typing import Any

from taskgraft.demo.stage import Stage, columns_of
from taskgraft.errors import Document

_SIMPLER = {"even": (0, 2, 4, 6, 8), "five_or_more": (5, 6, 7, 8, 9), "loop": (0, 6, 8, 9)}  # yes for these digits
_KEPT_BACK = 3  # rows that no job sees: they are predicted at the end


def breast_cancer(stage: Stage) -> None:
    """One job, four tasks of two types: a diagnosis, and three measurements of the worst cells, from the mean cells."""
    stage.console.rule("1. Multi-task: one binary and three regression tasks on breast cancer cells share a network")
    columns = _biopsies()
    kept = {name: values[-_KEPT_BACK:] for name, values in columns.items()}
    dataset = stage.upload("breast-cancer", {name: values[:-_KEPT_BACK] for name, values in columns.items()})
    targets = {
        "malignant": "binary",
        "worst_texture": "regression",
        "worst_smoothness": "regression",
        "worst_concavity": "regression",
    }
    job = _train(stage, "breast-cancer", dataset, {name: {"type": kind} for name, kind in targets.items()})
    features = {name: values for name, values in kept.items() if name not in targets}
    predicted = stage.service.predict(job["model"], columns=features)["predictions"]
    stage.say(f"POST /v1/models/{job['model']}/predictions for {_KEPT_BACK} patients nobody trained on:")
    for name in targets:
        answer = predicted[name].get("labels") or [round(value, 4) for value in predicted[name]["values"]]
        stage.say(f"  {name}: {answer}; in truth {kept[name]}")
    one = stage.service.predict_one(job["model"], **{name: values[0] for name, values in features.items()})
    answer = one["predictions"]["malignant"]
    odds = ", ".join(
        f"{name} {share:.3f}" for name, share in zip(answer["classes"], answer["probabilities"][0], strict=True)
    )
    stage.say(f"GET, one patient: malignant {answer['labels'][0]} ({odds})")


def digits(stage: Stage) -> Document:
    """One job in which one task has few labels; → its dataset."""
    stage.console.rule("2. Multi-task: few labels of which digit it is, many of simpler questions")
    dataset = stage.upload("digits", _digits())
    tasks: dict[str, Document] = {"digit": {"type": "multiclass"}} | {name: {"type": "binary"} for name in _SIMPLER}
    _train(stage, "digits", dataset, tasks, split={"column": "split"}, training={"epochs": 100})
    stage.say(
        "An empty label masks its row for that task only; the verdicts say whom sharing helped, and whom it hurt."
    )
    return dataset


def _train(stage: Stage, name: str, dataset: Document, tasks: Mapping[str, Document], **more: Document) -> Document:
    listed = [{"name": task, "dataset": dataset["id"], "target": task} | wanted for task, wanted in tasks.items()]
    return stage.run({"kind": "multitask", "name": name, "tasks": listed} | more)


def _biopsies() -> dict[str, list[Any]]:
    """569 biopsies: the means and errors of ten measurements; the diagnosis and three worst-cell measurements to predict."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    columns = columns_of(table)
    kept = {name: values for name, values in columns.items() if not name.startswith("worst_")}
    worst = {name: columns[name] for name in ("worst_texture", "worst_smoothness", "worst_concavity")}
    return kept | worst | {"malignant": ["yes" if label == 0 else "no" for label in table.target]}


def _digits() -> dict[str, list[Any]]:
    """1,797 digits of 64 pixels; in the training part only one label of ten says which digit it is."""
    import numpy as np
    from sklearn.datasets import load_digits

    table = load_digits()
    label = table.target
    split = np.random.default_rng(0).choice(["train", "validation", "test"], p=[0.45, 0.1, 0.45], size=len(label))
    shown = (split != "train") | (np.arange(len(label)) % 10 == 0)
    digit = [f"digit {value}" if known else None for value, known in zip(label, shown, strict=True)]
    simpler = {name: np.isin(label, values).tolist() for name, values in _SIMPLER.items()}
    return columns_of(table) | {"digit": digit} | simpler | {"split": split.tolist()}
