"""The tables on which H1 and H2 ask: scikit-learn's own, one made, and those of the folder TASKGRAFT_DATA when it is set."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
from numpy.typing import NDArray
from sklearn import datasets

#: Larger tables are cut to so many rows, drawn once, and to so many tasks: what is asked here is about small ones.
MOST_ROWS, MOST_TASKS = 2000, 8
#: File, and how its target columns begin; the other columns (but ``drop``) are features.
_FILES = {
    "enb": ("mtr_enb.csv", "target:", ()),
    "wq": ("mtr_wq.csv", "target:", ()),
    "jura": ("mtr_jura.csv", "target:", ()),
    "atp1d": ("mtr_atp1d.csv", "target:", ()),
    "sarcos": ("sarcos_test4449.csv", "torque_", ()),
    "parkinsons": ("parkinsons_telemonitoring.csv", ("motor_UPDRS", "total_UPDRS"), ("subject#",)),
    "yeast": ("ml_yeast.csv", "label:", ()),
}


@dataclass(frozen=True, eq=False)
class Job:
    """Columns of a table, and its tasks: target → (type, metric)."""

    name: str
    columns: Mapping[str, Any]
    tasks: Mapping[str, tuple[str, str]]


def jobs() -> Iterator[Job]:
    """Every table with its tasks, bundled ones first."""
    yield _bundled("diabetes", datasets.load_diabetes(), classes=None, numbers=("bp", "s6"))
    worst = ("worst smoothness", "worst concavity", "worst symmetry")
    yield _bundled("breast cancer", datasets.load_breast_cancer(), classes=("binary", "roc_auc"), numbers=worst)
    wine = ("alcohol", "hue", "proline")
    yield _bundled("wine", datasets.load_wine(), classes=("multiclass", "accuracy"), numbers=wine)
    iris = ("petal width (cm)",)
    yield _bundled("iris", datasets.load_iris(), classes=("multiclass", "accuracy"), numbers=iris)
    yield _digits()
    yield _made()
    if folder := os.environ.get("TASKGRAFT_DATA"):
        yield from (_from_file(name, Path(folder)) for name in _FILES)


def _bundled(name: str, found: Any, *, classes: tuple[str, str] | None, numbers: tuple[str, ...]) -> Job:
    columns = {str(feature): found.data[:, i] for i, feature in enumerate(found.feature_names)}
    answer = found.target.astype(float) if classes is None else [f"class {value}" for value in found.target]
    tasks = {"answer": classes or ("regression", "rmse")} | dict.fromkeys(numbers, ("regression", "rmse"))
    return Job(name, columns | {"answer": answer}, tasks)


def _digits() -> Job:
    found = datasets.load_digits()
    rows = _some(len(found.target))
    # one pixel of four: with all of them there is nothing left to err in
    pixels = {f"pixel {i}": found.data[rows, i] for i in range(0, 64, 4)}
    labels = {
        f"is {digit}": ["yes" if value == digit else "no" for value in found.target[rows]]
        for digit in range(MOST_TASKS)
    }
    return Job("digits", pixels | labels, _alternating(list(labels)))


def _made() -> Job:
    x, y = datasets.make_friedman1(600, noise=1.0, random_state=0)
    rng = np.random.default_rng(0)
    targets = {f"y{i}": y * rng.uniform(0.5, 1.5) + 3 * x[:, i] ** 2 + rng.normal(size=len(y)) for i in range(6)}
    return Job(
        "friedman", {f"x{i}": x[:, i] for i in range(10)} | targets, dict.fromkeys(targets, ("regression", "rmse"))
    )


def _from_file(name: str, folder: Path) -> Job:
    file, targets, drop = _FILES[name]
    table = pyarrow.csv.read_csv(folder / file).drop_columns(["split", *drop])
    rows = _some(table.num_rows)
    named = [column for column in table.column_names if column.startswith(targets)]
    kept = [column for column in table.column_names if column not in named[MOST_TASKS:]]
    columns, named = {column: table[column].to_numpy()[rows] for column in kept}, named[:MOST_TASKS]
    if name == "yeast":
        columns |= {column: ["yes" if value else "no" for value in columns[column]] for column in named}
        return Job(name, columns, _alternating(named))
    return Job(name, columns, dict.fromkeys(named, ("regression", "rmse")))


def _alternating(targets: list[str]) -> dict[str, tuple[str, str]]:
    """Binary tasks whose primary metrics take turns, so that both are tried."""
    return {target: ("binary", ("roc_auc", "accuracy")[i % 2]) for i, target in enumerate(targets)}


def _some(rows: int) -> NDArray[np.int64]:
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ROWS])
