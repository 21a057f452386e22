"""Training tasks alone, many at once: each as it would be by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from learning.losses import weights_of
from learning.multitask.sharing.hard import Hard
from learning.networks.linear import Linear
from learning.networks.mlp import Mlp
from learning.tasks import Layout, Slot
from tests.learning.penalty import penalty
from tests.worker.training.baselines.toy import alone, job
from worker.training.baselines.members import member_seed
from worker.training.baselines.single_task import Stopped, single_task
from worker.training.optimizers import set_learning_rate

SIZES = [31, 40, 90, 95, 33, 60]


def plainly(encoded, task, how, repeat=0):
    """The obvious training of one task under one seed, and the epoch in which it ended."""
    seed = member_seed(how.seed, repeat, task.name)
    torch.manual_seed(seed)
    model = Hard().build(how.network, how.inputs, Layout(1, (Slot(task.type, task.units),)))
    rate = how.training.learning_rate
    optimizer = (
        torch.optim.SGD(model.parameters(), rate, momentum=0.9)
        if how.training.optimizer == "sgd"
        else torch.optim.AdamW(model.parameters(), rate, weight_decay=0.0)
    )
    order = np.random.default_rng(seed)
    mean, deviation = (task.train.labels.mean(), task.train.labels.std()) if task.type == "regression" else (0, 1)

    def loss(part, places):
        outputs = model(numeric[part.rows[places]], category[part.rows[places]])
        labels = torch.tensor((part.labels[places] - mean) / deviation)
        if task.type == "multiclass":
            return functional.cross_entropy(outputs, labels.long())
        function = functional.mse_loss if task.type == "regression" else functional.binary_cross_entropy_with_logits
        return function(outputs[:, 0], labels.float())

    numeric, category = torch.from_numpy(encoded.numeric), torch.from_numpy(encoded.category)
    lowest, best, waited, size = np.inf, model.state_dict(), 0, how.training.batch_size
    for epoch in range(how.training.epochs):
        set_learning_rate(optimizer, how.training, epoch)
        n = len(task.train)
        places = order.permutation(n) if n > size else np.arange(n)
        for start in range(0, n, size):
            optimizer.zero_grad()
            total = loss(task.train, places[start : start + size])
            (total + penalty(weights_of(model), l1=how.training.l1, l2=how.training.l2)).backward()
            optimizer.step()
        with torch.no_grad():
            found = float(loss(task.validation, np.arange(len(task.validation)))) if len(task.validation) else -epoch
        waited += 1
        if found < lowest:
            lowest, waited, best = found, 0, {k: v.clone() for k, v in model.state_dict().items()}
        if waited == how.training.patience:
            break
    model.load_state_dict(best)
    with torch.no_grad():
        raw = model(numeric[task.test.rows], category[task.test.rows]).double()
    if task.type == "multiclass":
        return raw.softmax(-1).numpy(), epoch
    return (raw[:, 0].sigmoid() if task.type == "binary" else raw[:, 0] * deviation + mean).numpy(), epoch


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
@pytest.mark.parametrize("network", [Mlp(widths=(8, 5), dropout=0.0), Linear(width=4)])
def test_each_task_learns_what_it_would_have_learned_by_itself(kind, network):
    encoded, tasks = job(SIZES, kind=kind, cardinalities=(4,))
    how = alone(encoded, repeats=2, network=network, l1=1e-3, l2=1e-2)
    for task, outputs in zip(tasks, single_task(encoded, tasks, how), strict=True):
        for repeat, output in enumerate(outputs):
            assert output == pytest.approx(plainly(encoded, task, how, repeat)[0], abs=1e-4)


@pytest.mark.parametrize("training", [{"optimizer": "sgd"}, {"schedule": "cosine"}, {"batch_size": 1000}])
def test_the_jobs_own_training_is_used(training):
    encoded, tasks = job(SIZES)
    how = alone(encoded, **training)
    for task, [output] in zip(tasks, single_task(encoded, tasks, how), strict=True):
        assert output == pytest.approx(plainly(encoded, task, how)[0], abs=1e-4)


def test_members_stop_early_one_by_one_and_leave_the_others_alone():
    encoded, tasks = job([30] * 12)
    how = alone(encoded, epochs=60, patience=3, learning_rate=0.05)
    expected = [plainly(encoded, task, how) for task in tasks]
    ends = {epoch for _, epoch in expected}
    assert len(ends) > 3
    assert max(ends) < 59
    for [output], (plain, _) in zip(single_task(encoded, tasks, how), expected, strict=True):
        assert output == pytest.approx(plain, abs=1e-3)


def test_without_validation_rows_the_last_epoch_stands():
    encoded, tasks = job([30, 35])
    tasks = [
        replace(task, validation=replace(task.validation, rows=np.empty(0, int), labels=np.empty(0))) for task in tasks
    ]
    how = alone(encoded, patience=2)
    for task, [output] in zip(tasks, single_task(encoded, tasks, how), strict=True):
        assert output == pytest.approx(plainly(encoded, task, how)[0], abs=1e-4)


def test_a_task_without_validation_rows_goes_on_beside_one_that_has_some():
    encoded, tasks = job([30, 30])
    tasks[0] = replace(tasks[0], validation=replace(tasks[0].validation, rows=np.empty(0, int), labels=np.empty(0)))
    how = alone(encoded, epochs=30, patience=2)
    for task, [output] in zip(tasks, single_task(encoded, tasks, how), strict=True):
        expected = plainly(encoded, task, replace(how, training=how.training.model_copy(update={"patience": 1000})))[0]
        if task is tasks[1]:
            expected = plainly(encoded, task, how)[0]
        assert output == pytest.approx(expected, abs=1e-4)


def test_the_same_seed_gives_the_same_answers_with_dropout():
    encoded, tasks = job(SIZES)
    how = alone(encoded, repeats=2, network=Mlp(widths=(8,), dropout=0.3))
    torch.manual_seed(1)
    first = single_task(encoded, tasks, how)
    torch.manual_seed(2)
    assert [[o.tolist() for o in task] for task in single_task(encoded, tasks, how)] == [
        [o.tolist() for o in task] for task in first
    ]


def test_seeds_and_repeats_differ():
    encoded, tasks = job([40])
    [first] = single_task(encoded, tasks, alone(encoded, repeats=3))
    [other] = single_task(encoded, tasks, alone(encoded, repeats=1, seed=1))
    assert len({output.tobytes() for output in (*first, *other)}) == 4


def test_the_generator_of_the_caller_is_left_as_it_was():
    encoded, tasks = job([40])
    torch.manual_seed(7)
    before = torch.get_rng_state()
    single_task(encoded, tasks, alone(encoded, network=Mlp(widths=(8,), dropout=0.3)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_order_of_the_tasks_does_not_matter():
    encoded, tasks = job(SIZES)
    there, back = (single_task(encoded, some, alone(encoded)) for some in (tasks, tasks[::-1]))
    for [one], [other] in zip(there, back[::-1], strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_balanced_classes_count_alike():
    encoded, tasks = job([200], kind="binary")
    labels = (encoded.numeric[:, 0] > 1.6).astype(float)
    parts = {
        side: replace(part, labels=labels[part.rows])
        for side, part in (("train", tasks[0].train), ("validation", tasks[0].validation), ("test", tasks[0].test))
    }
    rare = [replace(tasks[0], **parts)]
    plain, balanced = (
        single_task(encoded, rare, alone(encoded, class_weight=weight))[0][0].mean() for weight in (None, "balanced")
    )
    assert balanced > 2 * plain


@pytest.mark.parametrize("loss", ["mae", "huber"])
def test_other_losses_of_a_regression_withstand_an_outlier(loss):
    encoded, tasks = job([60])
    tasks[0].train.labels[0] = 1e4
    median = np.median(tasks[0].train.labels)
    mse, robust = (
        single_task(
            encoded, [replace(tasks[0], loss=name)], alone(encoded, learning_rate=0.003, epochs=60, patience=None)
        )[0][0]
        for name in ("mse", loss)
    )
    assert abs(robust - median).mean() < abs(mse - median).mean()


def test_a_constant_target_is_answered_with_the_constant():
    encoded, tasks = job([30])
    for part in (tasks[0].train, tasks[0].validation):
        part.labels[:] = 7.0
    [[output]] = single_task(encoded, tasks, alone(encoded, epochs=100, patience=None))
    assert output == pytest.approx(7.0, abs=1.0)


@pytest.mark.parametrize("validated", [True, False])
def test_a_training_that_diverges_answers_with_its_last_sound_weights(validated):
    encoded, tasks = job([40, 40])
    if not validated:
        nothing = replace(tasks[0].validation, rows=np.empty(0, int), labels=np.empty(0))
        tasks = [replace(task, validation=nothing) for task in tasks]
    how = alone(encoded, optimizer="sgd", learning_rate=10.0, epochs=60, patience=None, batch_size=4)
    for [output] in single_task(encoded, tasks, how):
        assert np.isfinite(output).all()


def test_stop_ends_it_within_a_step():
    encoded, tasks = job(SIZES)
    asked: list[int] = []

    def stop():
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(Stopped):
        single_task(encoded, tasks, alone(encoded, stop=stop))
    assert len(asked) == 4


def test_progress_runs_from_zero_to_one():
    encoded, tasks = job(SIZES)
    told: list[float] = []
    single_task(encoded, tasks, alone(encoded, progress=told.append))
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)
