"""A cross-validated job: every row is answered once by a model that did not learn from it, and the model learns from all."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from learning.examples import build
from learning.metrics import test_metrics as metrics_of
from learning.model import TrainedModel
from learning.planning import TRAIN, plan
from learning.predictor import Predictor
from learning.specs import parse_job
from learning.tables import Table
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder

FOLDS, EPOCHS, ROWS = 4, 5, 120
TRAINING = {"epochs": EPOCHS, "patience": None, "batch_size": 32}
JOB: dict[str, Any] = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "hot"}],
    "network": {"name": "mlp", "widths": [8], "dropout": 0.1},
    "training": TRAINING,
    "split": {"folds": FOLDS},
    "baselines": False,
}


@pytest.fixture
def dataset(tmp_path):
    return tables.two_targets(tmp_path / "two.parquet", rows=ROWS)


def answers(work):
    return pq.read_table(work / "predictions.parquet").to_pylist()


def model_of(work):
    return (work / "model.safetensors").read_bytes()


def told(work):
    return {task["name"]: task for task in result_of(work)["tasks"]}


def folds_of(dataset, spec=JOB):
    examples = examples_of(dataset, spec)
    assert examples.folds is not None
    return dict(zip(examples.row.tolist(), examples.folds.fold().tolist(), strict=True))


def examples_of(dataset, spec=JOB):
    table = {"ds_1": Table("ds_1", dataset)}
    return build(plan(parse_job(spec), table), table)


def test_every_row_has_one_answer_a_task_and_the_figures_are_of_all_of_them(tmp_path, dataset):
    ended, work, channel = attempt(tmp_path, JOB, dataset)

    assert ended["outcome"] == "succeeded"
    assert sorted(path.name for path in work.iterdir()) == sorted(ended["files"].values())
    rows = answers(work)
    assert sorted((row["task"], row["row"]) for row in rows) == [
        (t, float(r)) for t in ("hot", "y") for r in range(ROWS)
    ]
    mine = [row for row in rows if row["task"] == "y"]
    labels, predicted = (np.array([row[name] for row in mine]) for name in ("value", "predicted_value"))
    assert told(work)["y"]["test"] == metrics_of("regression", labels, predicted)
    assert [task["rows"] for task in told(work).values()] == [{"train": 102, "validation": 18, "test": ROWS}] * 2
    assert result_of(work)["model"]["tasks"][0]["metrics"] == told(work)["y"]["test"]
    assert (channel.reports[-1]["epoch"], channel.reports[-1]["epochs"]) == ((1 + FOLDS) * EPOCHS,) * 2
    fractions = [report["fraction"] for report in channel.reports]
    assert fractions == sorted(fractions)


def test_no_answer_depends_on_the_label_of_its_row(tmp_path):
    # a label that is noise: whoever has seen it answers it, whoever has not cannot
    random = np.random.default_rng(3)
    x = random.normal(size=(80, 30))
    columns = {f"x{i}": column.tolist() for i, column in enumerate(x.T)}
    dataset = tables.write(tmp_path / "noise.parquet", y=random.normal(size=80).tolist(), **columns)
    training = {"epochs": 60, "learning_rate": 0.02, "patience": None, "batch_size": 80, "l2": 0.0}
    spec = {
        **JOB,
        "tasks": [{"dataset": "ds_1", "target": "y"}],
        "network": {"name": "mlp", "widths": [64]},
        "training": training,
        "split": {"folds": 5, "validation": 0.02},
        "baselines": True,
    }

    _, work, _ = attempt(tmp_path, spec, dataset)

    task = told(work)["y"]
    assert task["test"]["r2"] < 0.1
    # the rivals answer the same rows from the same folds, and cannot either
    spread = np.std([row["value"] for row in answers(work)])
    assert min(rival["rmse"] for rival in task["baselines"].values()) > 0.9 * spread
    # while the model that is stored has learned from the rows themselves
    table = Table("ds_1", dataset)
    stored = Predictor.load(work / "model.safetensors").predict_table(table.read([f"x{i}" for i in range(30)]))
    (answer,) = stored.by_task.values()
    assert metrics_of("regression", table.read(["y"])["y"].to_numpy(), answer.output)["rmse"] < 0.8 * spread


def test_changing_a_label_changes_the_answers_of_the_other_folds_alone(tmp_path, dataset):
    # without a feature that is a label nothing of a row's own label reaches its answer
    columns = pq.read_table(dataset).to_pydict()
    spec = {**JOB, "tasks": [{"dataset": "ds_1", "target": "y"}], "training": {**TRAINING, "epochs": 2}}
    _, work, _ = attempt(tmp_path, spec, dataset)
    before = {row["row"]: row["predicted_value"] for row in answers(work)}
    fold = folds_of(dataset, spec)
    # the row's content decides its fold: one is sought that keeps it
    for change in range(1, 60):
        changed = [*columns["y"]]
        changed[7] += change
        other = tables.write(tmp_path / "other.parquet", **{**columns, "y": changed})
        if folds_of(other, spec) == fold:
            break
    _, work, _ = attempt(tmp_path, spec, other, number=2)

    after = {row["row"]: row["predicted_value"] for row in answers(work)}
    same = {int(row) for row in before if before[row] == after[row]}
    assert 7 in same
    assert same == {row for row in range(ROWS) if fold[row] == fold[7]}


def test_the_stored_model_is_the_training_on_all_rows_under_the_jobs_own_seed(tmp_path, dataset):
    _, work, channel = attempt(tmp_path, JOB, dataset)
    _, other, more = attempt(tmp_path, {**JOB, "split": {"folds": FOLDS + 3}}, dataset, number=2)

    # more folds are more trainings beside it, and it stays as it was
    one, same = (load_file(each / "model.safetensors") for each in (work, other))
    assert {name: tensor.tobytes() for name, tensor in one.items()} == {n: t.tobytes() for n, t in same.items()}
    assert channel.points == more.points
    recorded = TrainedModel.load(work / "model.safetensors").header.job or {}
    assert recorded["split"] == {"folds": FOLDS, "validation": 0.15}


def test_a_copy_of_a_row_is_answered_in_the_same_fold(tmp_path, dataset):
    columns = pq.read_table(dataset).to_pydict()
    twice = tables.write(tmp_path / "twice.parquet", **{name: values * 2 for name, values in columns.items()})

    _, work, _ = attempt(tmp_path, JOB, twice)

    said = {(row["task"], row["row"]): row["predicted_value"] or row["probability"] for row in answers(work)}
    assert len(said) == 4 * ROWS
    assert all(said[task, row] == said[task, row + ROWS] for task, row in said if row < ROWS)


def test_rivals_answer_every_row_from_the_same_folds_and_there_is_a_verdict(tmp_path, dataset):
    _, work, _ = attempt(tmp_path, {**JOB, "baselines": True}, dataset)

    told_of = told(work)
    for task in told_of.values():
        assert set(task["baselines"]) == {
            "trivial", "linear", "boosted_trees", "single_task", "one_model_linear", "one_model_trees"
        }  # fmt: skip
        assert task["verdict"] in {"helped", "hurt", "neutral", "inconclusive"}
        assert task["spread"] is None
    # the mean of the other folds, and never the row's own
    labels = np.array([row["value"] for row in answers(work) if row["task"] == "y"])
    fold = folds_of(dataset)
    examples = examples_of(dataset)
    means = {f: labels[examples.in_fold(f).split == TRAIN].mean() for f in range(FOLDS)}
    expected = metrics_of("regression", labels, np.array([means[fold[row]] for row in range(ROWS)]))["rmse"]
    assert told_of["y"]["baselines"]["trivial"]["rmse"] == pytest.approx(expected)


def test_groups_are_tested_whole_and_small_ones_by_the_mean_head(tmp_path):
    dataset = tables.shops(tmp_path / "shops.parquet", groups=5, rows=25, small=2)
    spec = {
        **JOB,
        "tasks": {"dataset": "ds_1", "group_by": ["shop"], "targets": [{"target": "demand"}, {"target": "stockout"}]},
        "baselines": True,
    }

    _, work, _ = attempt(tmp_path, spec, dataset)

    for name, task in told(work).items():
        small = name.startswith(("shop=s03", "shop=s04"))
        assert task["rows"]["test"] == (6 if small else 25)
        assert ("single_task" in task["baselines"]) is not small
        assert (task["verdict"] is None) is small
        assert {"trivial", "one_model_linear"} <= set(task["baselines"])
    assert len(answers(work)) == 2 * (3 * 25 + 2 * 6)


def test_repeats_are_whole_cross_validations_under_other_seeds(tmp_path, dataset):
    _, once, _ = attempt(tmp_path, JOB, dataset)
    _, thrice, channel = attempt(tmp_path, {**JOB, "repeats": 3, "baselines": True}, dataset, number=2)

    assert channel.reports[-1]["epochs"] == (1 + 3 * FOLDS) * EPOCHS
    assert answers(thrice) == answers(once)
    for name, task in told(thrice).items():
        assert task["test"] == told(once)[name]["test"]
        assert task["spread"]["values"][0] == task["test"][task["metric"]]
        assert len(set(task["spread"]["values"])) == 3
        assert task["verdict"] is not None


def test_an_attempt_stopped_in_any_fold_goes_on_bit_for_bit_without_training_a_fold_again(tmp_path, dataset):
    _, whole, uninterrupted = attempt(tmp_path, JOB, dataset)
    polls = uninterrupted.polls
    for number, stop_at in enumerate(range(0, polls, polls // 6), start=2):
        folder = tmp_path / str(number)
        folder.mkdir()
        interruption = Recorder(reason="preempt", stop_at=stop_at)
        ended, _, first = attempt(folder, JOB, dataset, channel=interruption)
        assert ended == {"outcome": "preempted"}
        step, path, _ = first.checkpoints[-1]

        _, resumed, second = attempt(folder, JOB, dataset, number=2, checkpoints=[path])

        assert second.resumptions == [step]
        assert first.polls + second.polls <= polls + 3
        assert model_of(resumed) == model_of(whole)
        assert answers(resumed) == answers(whole)
        assert first.points + second.points == uninterrupted.points


def test_keep_best_in_a_later_fold_keeps_the_model_with_the_figures_of_the_folds_that_were_over(tmp_path, dataset):
    _, whole, uninterrupted = attempt(tmp_path, JOB, dataset)
    stop = Recorder(reason="keep_best", stop_at=int(0.7 * uninterrupted.polls))

    ended, work, _ = attempt(tmp_path, JOB, dataset, number=2, channel=stop)

    assert ended["outcome"] == "cancelled"
    assert model_of(work) == model_of(whole)
    fold = folds_of(dataset)
    over = {row["row"] for row in answers(work)}
    assert over == {row for row in range(ROWS) if fold[row] < 2}
    assert [row for row in answers(whole) if row["row"] in over] == answers(work)
    assert {task["rows"]["test"] for task in told(work).values()} == {len(over)}


def test_keep_best_before_a_fold_is_over_keeps_a_model_without_figures(tmp_path, dataset):
    polls = attempt(tmp_path, JOB, dataset)[2].polls
    stop = Recorder(reason="keep_best", stop_at=int(0.15 * polls))

    ended, work, _ = attempt(tmp_path, JOB, dataset, number=2, channel=stop)

    assert ended["outcome"] == "cancelled"
    assert answers(work) == []
    assert [task["test"] for task in told(work).values()] == [{}, {}]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cancelling_in_any_fold_leaves_nothing(tmp_path, dataset, share):
    polls = attempt(tmp_path, JOB, dataset)[2].polls

    ended, work, _ = attempt(
        tmp_path, JOB, dataset, number=2, channel=Recorder(reason="cancel", stop_at=int(share * polls))
    )

    assert ended == {"outcome": "cancelled"}
    assert list(work.iterdir()) == []


def test_the_time_is_shared_by_the_folds(tmp_path, dataset):
    spec = {**JOB, "training": {"epochs": 100_000, "patience": None, "max_seconds": 0.6}}

    ended, work, _ = attempt(tmp_path, spec, dataset)

    assert ended["outcome"] == "succeeded"
    assert len(answers(work)) == 2 * ROWS


def test_a_model_that_has_learned_from_all_rows_has_nothing_to_forget_by(tmp_path, dataset):
    _, work, _ = attempt(tmp_path, JOB, dataset)
    transfer = {
        "kind": "transfer",
        "source": "mdl_1",
        "task": {"dataset": "ds_1", "target": "y", "exclude": ["hot"]},
        "training": {"epochs": 2},
        "baselines": False,
    }

    ended, after, _ = attempt(tmp_path, transfer, dataset, number=2, models={"mdl_1": work / "model.safetensors"})

    assert ended["outcome"] == "succeeded"
    assert result_of(after)["result"]["forgetting"] is None


def test_every_fold_starts_from_the_stored_model_that_a_job_names(tmp_path, dataset):
    source = {**JOB, "split": {"validation": 0.15, "test": 0.15}, "training": {"epochs": 60, "learning_rate": 0.01}}
    _, work, _ = attempt(tmp_path, source, dataset)
    brief = {**JOB, "training": {"epochs": 1, "batch_size": ROWS, "learning_rate": 1e-6, "patience": None}}

    _, cold, _ = attempt(tmp_path, brief, dataset, number=2)
    _, warm, _ = attempt(
        tmp_path, {**brief, "init": "mdl_1"}, dataset, number=3, models={"mdl_1": work / "model.safetensors"}
    )

    assert len(answers(warm)) == len(answers(cold))
    assert told(warm)["y"]["test"]["rmse"] < 0.5 * told(cold)["y"]["test"]["rmse"]


def test_a_job_that_lacks_rows_for_its_folds_fails_by_its_own_fault(tmp_path, dataset):
    few = tables.two_targets(tmp_path / "few.parquet", rows=8)

    spec = {**JOB, "tasks": JOB["tasks"][:1], "split": {"folds": 10}}
    ended, work, _ = attempt(tmp_path, spec, few)

    assert (ended["outcome"], ended["error"]["code"]) == ("failed", "too-few-rows")
    assert list(work.iterdir()) == []
