"""Which rows an attempt trains on and which it is judged by, and how many tasks meet every rival."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from worker.training.baselines.rivals import MOST_TRAINED_ALONE

TASK = {"kind": "multitask", "tasks": [{"dataset": "ds_1", "target": "y"}], "network": {"name": "linear", "width": 4}}
TRAINING = {"epochs": 3, "batch_size": 64}


def table(path, **more):
    random = np.random.default_rng(0)
    x = random.normal(size=(120, 2))
    y = x @ [1.0, -2.0] + random.normal(scale=0.3, size=120)
    return tables.write(path, x1=x[:, 0].tolist(), x2=x[:, 1].tolist(), y=y.tolist(), **more)


def judged(work):
    return {int(told["row"]) for told in pq.read_table(work / "predictions.parquet").to_pylist()}


def test_a_split_column_says_which_rows_are_for_what(tmp_path):
    side = ["train", "train", "test", "validation", "train"] * 24
    dataset = table(tmp_path / "table.parquet", side=side)

    _, work, _ = attempt(tmp_path, {**TASK, "training": TRAINING, "split": {"column": "side"}}, dataset)

    assert judged(work) == {row for row, name in enumerate(side) if name == "test"}
    assert result_of(work)["tasks"][0]["rows"] == {"train": 72, "validation": 24, "test": 24}


def test_a_split_by_group_keeps_every_group_whole_and_judges_by_groups(tmp_path):
    patient = [f"p{row % 15:02d}" for row in range(120)]
    dataset = table(tmp_path / "table.parquet", patient=patient)
    by_group = {**TASK, "training": TRAINING, "split": {"group": "patient", "test": 0.4}}

    _, work, _ = attempt(tmp_path, by_group, dataset)

    rows, task = judged(work), result_of(work)["tasks"][0]
    groups = {patient[row] for row in rows}
    assert 2 <= len(groups) < 14
    assert rows == {row for row in range(120) if patient[row] in groups}
    assert all(count and count % 8 == 0 for count in task["rows"].values())
    assert sum(task["rows"].values()) == 120
    assert task["verdict"] is not None


def test_a_job_of_one_test_group_has_no_verdict(tmp_path):
    dataset = table(tmp_path / "table.parquet", patient=[f"p{row % 3}" for row in range(120)])

    _, work, _ = attempt(tmp_path, {**TASK, "training": TRAINING, "split": {"group": "patient"}}, dataset)

    assert result_of(work)["tasks"][0]["rows"]["test"] == 40
    assert result_of(work)["tasks"][0]["verdict"] is None


@pytest.mark.parametrize("more", [0, 3])
def test_beyond_so_many_tasks_the_dearest_rivals_meet_a_stated_sample(tmp_path, more):
    random = np.random.default_rng(0)
    groups = MOST_TRAINED_ALONE + more
    x = random.normal(size=groups * 8)
    dataset = tables.write(
        tmp_path / "many.parquet",
        shop=[f"s{row % groups:03d}" for row in range(len(x))],
        x=x.tolist(),
        y=(x + random.normal(size=len(x))).tolist(),
    )
    spec = {
        "kind": "multitask",
        "tasks": {
            "dataset": "ds_1",
            "group_by": ["shop"],
            "targets": [{"target": "y"}],
            "small_groups": {"min_rows": 3},
        },
        "network": {"name": "linear", "width": 2},
        "training": {"epochs": 1},
        "seed": 11,
    }

    _, work, _ = attempt(tmp_path, spec, dataset)

    told = result_of(work)
    stated = {"tasks": 200, "of": 203, "seed": 11, "baselines": ["boosted_trees", "single_task"]}
    assert told["result"]["sample"] == (stated if more else None)
    assert len(told["tasks"]) == groups
    for rival, count in {"boosted_trees": 200, "single_task": 200, "linear": groups, "one_model_trees": groups}.items():
        assert sum(rival in task["baselines"] for task in told["tasks"]) == count
    assert sum(task["verdict"] is not None for task in told["tasks"]) <= 200
