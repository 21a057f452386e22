"""All rivals of a job: what they answer, what they share, and what happens at the edges."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from learning.metrics import test_metrics as metrics_of
from tests.worker.training.baselines.toy import alone, job
from worker.training.baselines import rivals as module
from worker.training.baselines.boosted_trees import boosted_trees
from worker.training.baselines.design import OneHot
from worker.training.baselines.linear import linear
from worker.training.baselines.one_model import one_model, ordered_categories, pools
from worker.training.baselines.per_task import per_task
from worker.training.baselines.rivals import rivals, sampled
from worker.training.baselines.single_task import Stopped
from worker.training.baselines.trivial import trivial
from worker.training.task_data import Part

NAMES = {"trivial", "linear", "boosted_trees", "one_model_linear", "one_model_trees"}
NOTHING = Part(np.empty(0, np.int64), np.empty(0))


def figure(kind, labels, output, metric):
    return metrics_of(kind, labels, output)[metric]


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_every_rival_answers_every_test_row_in_the_form_of_the_task(kind):
    encoded, tasks = job([40, 60, 50], kind=kind, cardinalities=(5,))
    found = rivals(encoded, tasks, alone(encoded, repeats=3))
    assert set(found.outputs) == NAMES
    assert found.sample is None
    for index, task in enumerate(tasks):
        answers = [found.outputs[name][index] for name in NAMES] + list(found.single_task[index])
        assert len(answers) == 8
        for answer in answers:
            assert answer.shape == (len(task.test), 3)[: 1 + (kind == "multiclass")]
            assert np.isfinite(answer).all()
            if kind == "multiclass":
                assert answer.sum(axis=1) == pytest.approx(1)
            elif kind == "binary":
                assert ((answer >= 0) & (answer <= 1)).all()


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("fit", [linear, boosted_trees])
def test_a_rival_that_reads_features_beats_the_one_that_does_not(kind, fit):
    encoded, [task] = job([400], kind=kind, cardinalities=(4,))
    metric, sign = ("rmse", -1) if kind == "regression" else ("accuracy", 1)
    ours, theirs = (
        figure(kind, task.test.labels, output, metric)
        for output in (per_task(fit, encoded, task, seed=0), trivial(task))
    )
    assert sign * (ours - theirs) > 0.1


def test_the_trivial_answers_are_the_mean_and_the_shares_of_the_classes():
    _, [number] = job([50])
    _, [binary] = job([50], kind="binary")
    _, [several] = job([50], kind="multiclass")
    assert trivial(number) == pytest.approx(number.train.labels.mean())
    assert trivial(binary) == pytest.approx(binary.train.labels.mean())
    assert trivial(several)[0] == pytest.approx([(several.train.labels == k).mean() for k in range(3)])


def test_one_linear_model_of_groups_is_a_ridge_with_a_column_per_group():
    encoded, tasks = job([30, 40, 50])
    tasks = [replace(task, validation=NOTHING) for task in tasks]
    rows = np.concatenate([task.train.rows for task in tasks])
    group = np.repeat(np.arange(3), [len(task.train) for task in tasks])
    X = np.hstack([encoded.numeric[rows].astype(float), np.eye(3)[group]])
    labels = np.concatenate([task.train.labels for task in tasks])
    model = Ridge(alpha=1.0).fit(X, labels)
    for index, (task, answer) in enumerate(zip(tasks, one_model(linear, encoded, tasks, seed=0), strict=True)):
        Z = np.hstack([encoded.numeric[task.test.rows], np.tile(np.eye(3)[index], (len(task.test), 1))])
        assert answer == pytest.approx(model.predict(Z))


def test_listed_tasks_of_other_units_share_a_model_on_their_own_scales():
    encoded, tasks = job([60, 60], pool=-1)
    for part in (tasks[1].train, tasks[1].validation, tasks[1].test):
        part.labels[:] = 1e6 * part.labels + 1e9
    plain, scaled = one_model(linear, encoded, tasks, seed=0)
    assert figure("regression", tasks[0].test.labels, plain, "r2") > 0.5
    assert figure("regression", tasks[1].test.labels, scaled, "r2") > 0.5


def test_a_lone_task_is_its_own_pool_and_keeps_its_own_model():
    encoded, tasks = job([60])
    found = rivals(encoded, tasks, alone(encoded))
    assert found.outputs["one_model_linear"][0] is found.outputs["linear"][0]
    assert found.outputs["one_model_trees"][0] is found.outputs["boosted_trees"][0]


def test_pools_hold_one_type_and_as_many_classes():
    _, numbers = job([30] * 2)
    _, binary = job([30], kind="binary")
    _, three = job([30], kind="multiclass")
    _, four = job([30], kind="multiclass", classes=4)
    other = replace(numbers[0], pool=1)
    assert pools([*numbers, *binary, *three, *four, other]) == [[0, 1], [2], [3], [4], [5]]


def test_more_groups_than_a_tree_holds_are_ordered_by_their_mean():
    encoded, tasks = job([10] * 300)
    ranks = ordered_categories(tasks)
    assert sorted(ranks.values()) == list(range(300))
    highest = max(tasks, key=lambda task: task.train.labels.mean())
    assert ranks[highest.category] == 299
    answers = one_model(boosted_trees, encoded, tasks, seed=0)
    labels = np.concatenate([task.test.labels for task in tasks])
    assert figure("regression", labels, np.concatenate(answers), "r2") > 0.7


def test_a_wide_one_hot_is_sparse_and_says_the_same():
    category = np.arange(600).reshape(-1, 1) % 300
    numeric = np.ones((600, 1), np.float32)
    wide = OneHot.fit(category)(numeric, category)
    assert wide.shape == (600, 301)
    assert wide.toarray()[:, 1:].argmax(axis=1).tolist() == category[:, 0].tolist()
    narrow = OneHot.fit(category[:5])(numeric[:6], category[:6])
    assert narrow[5].tolist() == [1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_tasks_without_validation_rows_have_their_rivals(kind):
    encoded, tasks = job([40, 40], kind=kind)
    found = rivals(encoded, [replace(task, validation=NOTHING) for task in tasks], alone(encoded))
    assert all(set(found.outputs[name]) == {0, 1} for name in NAMES)


def test_a_task_of_one_class_is_answered_by_that_class():
    encoded, tasks = job([40, 40], kind="binary")
    tasks[0].train.labels[:] = 1.0
    found = rivals(encoded, tasks, alone(encoded))
    assert found.outputs["linear"][0].tolist() == [1.0] * len(tasks[0].test)
    assert found.outputs["boosted_trees"][0].tolist() == [1.0] * len(tasks[0].test)


def test_a_class_seen_only_in_validation_rows_has_no_probability():
    encoded, tasks = job([90], kind="multiclass")
    tasks[0].train.labels[tasks[0].train.labels == 2] = 0
    tasks[0].validation.labels[:] = 2
    found = rivals(encoded, tasks, alone(encoded))
    for name in ("linear", "boosted_trees", "one_model_linear", "one_model_trees"):
        assert found.outputs[name][0][:, 2].tolist() == [0.0] * len(tasks[0].test)


def test_a_task_without_test_rows_has_no_rivals_and_spoils_none():
    encoded, tasks = job([40, 40])
    found = rivals(encoded, [replace(tasks[0], test=NOTHING), tasks[1]], alone(encoded))
    assert all(set(found.outputs[name]) == {1} for name in NAMES)
    assert set(found.single_task) == {1}


def test_a_small_group_is_answered_by_what_learns_from_all_groups_alone():
    encoded, tasks = job([40, 40, 6])
    found = rivals(encoded, [*tasks[:2], replace(tasks[2], small=True)], alone(encoded))
    assert {name for name in NAMES if 2 in found.outputs[name]} == {"trivial", "one_model_linear", "one_model_trees"}
    assert set(found.single_task) == {0, 1}


def test_beyond_two_hundred_tasks_a_seeded_sample_is_trained_alone():
    assert sampled(200, 0) == list(range(200))
    first, same, other = sampled(1000, 0), sampled(1000, 0), sampled(1000, 1)
    assert first == same == sorted(set(first))
    assert (len(first), len(other)) == (200, 200)
    assert first != other


def test_the_sample_is_stated(monkeypatch):
    monkeypatch.setattr(module, "MOST_TRAINED_ALONE", 3)
    encoded, tasks = job([30] * 5)
    found = rivals(encoded, tasks, alone(encoded, seed=4))
    chosen = set(sampled(5, 4))
    assert found.sample is not None
    assert (found.sample.tasks, found.sample.of, found.sample.seed) == (3, 5, 4)
    assert set(found.sample.baselines) == {"single_task", "boosted_trees"}
    assert set(found.single_task) == set(found.outputs["boosted_trees"]) == chosen
    assert set(found.outputs["linear"]) == set(found.outputs["one_model_trees"]) == set(range(5))


def test_the_same_seed_gives_the_same_answers():
    encoded, tasks = job([40, 60], cardinalities=(5,))
    first, again = (rivals(encoded, tasks, alone(encoded)) for _ in range(2))
    for name in NAMES:
        assert [first.outputs[name][i].tolist() for i in (0, 1)] == [again.outputs[name][i].tolist() for i in (0, 1)]


@pytest.mark.parametrize("after", [0, 1, 4, 9])
def test_stop_is_heard_between_any_two_fits(after):
    encoded, tasks = job([40, 40])
    asked: list[int] = []

    def stop():
        asked.append(1)
        return len(asked) > after

    with pytest.raises(Stopped):
        rivals(encoded, tasks, alone(encoded, stop=stop))
    assert len(asked) == after + 1


def test_progress_never_runs_back():
    encoded, tasks = job([40, 40, 60])
    told: list[float] = []
    rivals(encoded, tasks, alone(encoded, progress=told.append))
    assert told == sorted(told)
    assert told[-1] == 1.0
