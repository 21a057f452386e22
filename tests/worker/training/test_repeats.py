"""Several trainings of one job: the first is the model, the others its spread."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from learning.specs import TrainingSpec
from tests.worker.training import tables
from tests.worker.training.assignment import attempt, result_of
from tests.worker.training.recorder import Recorder
from worker.training.batches import repeat_seed
from worker.training.checkpoint import TrainingState
from worker.training.fitting import Checkpoints, Part
from worker.training.repeats import after, limited, repeated
from worker.training.rounds import Fitted

REPEATS, EPOCHS = 3, 6
ONCE = {
    "kind": "multitask",
    "tasks": [{"dataset": "ds_1", "target": "y"}, {"dataset": "ds_1", "target": "hot"}],
    "network": {"name": "mlp", "widths": [16], "dropout": 0.1},
    "training": {"epochs": EPOCHS, "patience": None, "batch_size": 32},
    "baselines": False,
}
THRICE = {**ONCE, "repeats": REPEATS}


@pytest.fixture
def dataset(tmp_path):
    return tables.two_targets(tmp_path / "two.parquet")


def model_of(work):
    return (work / "model.safetensors").read_bytes()


def weights_of(work):
    return {name: tensor.tobytes() for name, tensor in load_file(work / "model.safetensors").items()}


def spreads(work):
    return [task["spread"] for task in result_of(work)["tasks"]]


def test_the_first_repeat_is_the_run_without_repeats_and_its_model_is_stored(tmp_path, dataset):
    _, once, plain = attempt(tmp_path, ONCE, dataset)
    ended, thrice, channel = attempt(tmp_path, THRICE, dataset, number=2)

    assert ended["outcome"] == "succeeded"
    assert weights_of(thrice) == weights_of(once)
    assert channel.points == plain.points
    assert sorted(path.name for path in thrice.iterdir()) == sorted(ended["files"].values())
    told = [result_of(work) for work in (once, thrice)]
    assert [task["test"] for task in told[0]["tasks"]] == [task["test"] for task in told[1]["tasks"]]
    assert spreads(once) == [None, None]


def test_each_repeat_has_a_seed_of_its_own_on_the_same_rows(tmp_path, dataset):
    _, work, _ = attempt(tmp_path, THRICE, dataset)
    _, other, _ = attempt(tmp_path, {**THRICE, "repeats": REPEATS - 1}, dataset, number=2)

    for task, spread, fewer in zip(result_of(work)["tasks"], spreads(work), spreads(other), strict=True):
        assert spread["values"][0] == task["test"][task["metric"]]
        assert len(set(spread["values"])) == REPEATS
        assert spread["values"][:-1] == fewer["values"]
        assert spread["mean"] == pytest.approx(sum(spread["values"]) / REPEATS)
        assert spread["deviation"] > 0
    assert len({repeat_seed(seed, repeat) for seed in (0, 1) for repeat in range(20)}) == 40
    assert repeat_seed(7, 0) == 7


def test_an_attempt_stopped_in_any_repeat_goes_on_bit_for_bit(tmp_path, dataset):
    _, whole, uninterrupted = attempt(tmp_path, THRICE, dataset)
    polls = uninterrupted.polls
    for number, stop_at in enumerate(range(0, polls, polls // 7), start=2):
        folder = tmp_path / str(number)
        folder.mkdir()
        interruption = Recorder(reason="preempt", stop_at=stop_at)
        ended, _, first = attempt(folder, THRICE, dataset, channel=interruption)
        assert ended == {"outcome": "preempted"}
        step, path, _ = first.checkpoints[-1]

        _, resumed, second = attempt(folder, THRICE, dataset, number=2, checkpoints=[path])

        assert second.resumptions == [step]
        assert model_of(resumed) == model_of(whole)
        assert spreads(resumed) == spreads(whole)
        assert first.points + second.points == uninterrupted.points


def test_checkpoints_are_counted_over_all_repeats_so_that_the_last_is_the_newest(tmp_path, dataset):
    paths: list[str] = []
    for number in (1, 2, 3):
        interruption = Recorder(reason="preempt", stop_at=30)
        ended, _, channel = attempt(
            tmp_path, THRICE, dataset, number=number, channel=interruption, checkpoints=paths[-1:]
        )
        assert ended == {"outcome": "preempted"}
        paths.append(channel.checkpoints[-1][1])
    steps = [path.rpartition("-")[2] for path in paths]
    assert steps == sorted(set(steps))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_cancelling_in_any_repeat_leaves_nothing(tmp_path, dataset, share):
    polls = attempt(tmp_path, THRICE, dataset)[2].polls
    stop = Recorder(reason="cancel", stop_at=int(share * polls))

    ended, work, _ = attempt(tmp_path, THRICE, dataset, number=2, channel=stop)

    assert ended == {"outcome": "cancelled"}
    assert list(work.iterdir()) == []


def test_keep_best_in_a_later_repeat_keeps_the_first_whole(tmp_path, dataset):
    _, whole, uninterrupted = attempt(tmp_path, THRICE, dataset)
    stop = Recorder(reason="keep_best", stop_at=int(0.8 * uninterrupted.polls))

    ended, work, _ = attempt(tmp_path, THRICE, dataset, number=2, channel=stop)

    assert ended["outcome"] == "cancelled"
    assert model_of(work) == model_of(whole)
    assert [spread["values"] for spread in spreads(work)] == [spread["values"][:2] for spread in spreads(whole)]


def test_answers_of_every_form_are_left_to_the_next_repeat_in_few_tensors(tmp_path):
    random = np.random.default_rng(0)
    said = {
        repeat: {task: random.uniform(size=(task + 2, 3) if task % 3 == 0 else task + 2) for task in (4, 0, 7, 3, 1)}
        for repeat in (1, 2, 3)
    }
    left = []

    def train(part, checkpoints):
        left.append(len(part.left))
        return Fitted({"w": torch.zeros(1)}, part.begin, None)

    nowhere = Checkpoints(tmp_path, 1, ())
    found = repeated(4, train, lambda repeat, _: said[repeat], checkpoints=nowhere, device=torch.device("cpu"))

    assert left == [0, 1, 5, 9]
    assert [sorted(outputs) for outputs in found.others] == [[0, 1, 3, 4, 7]] * 3
    for outputs, expected in zip(found.others, said.values(), strict=True):
        assert all((outputs[task] == expected[task]).all() for task in expected)


def test_progress_counts_the_epochs_of_all_repeats(tmp_path, dataset):
    _, _, channel = attempt(tmp_path, THRICE, dataset)

    assert (channel.reports[-1]["epoch"], channel.reports[-1]["epochs"]) == (REPEATS * EPOCHS, REPEATS * EPOCHS)
    fractions = [report["fraction"] for report in channel.reports]
    assert fractions == sorted(fractions)


def test_the_time_is_shared_by_the_repeats(tmp_path, dataset):
    spec = {**THRICE, "training": {"epochs": 100_000, "patience": None, "max_seconds": 0.6}}

    ended, work, _ = attempt(tmp_path, spec, dataset)

    assert ended["outcome"] == "succeeded"
    assert [len(spread["values"]) for spread in spreads(work)] == [REPEATS, REPEATS]
    assert result_of(work)["result"]["seconds"]["training"] < 30


def test_a_repeat_has_an_equal_share_of_the_time_that_those_before_it_left():
    training = TrainingSpec(max_seconds=12.0)
    first = Part(TrainingState(), 3)
    second = Part(after(TrainingState(epoch=9, step=90, elapsed_seconds=2.0, finished=True)), 3)

    assert limited(training, first).max_seconds == 4.0
    assert limited(training, second).max_seconds == 2.0 + (12.0 - 2.0) / 2
    assert limited(TrainingSpec(), second).max_seconds is None
    assert second.begin == TrainingState(repeat=1, step=90, elapsed_seconds=2.0, began_seconds=2.0, longest=9)


def test_the_verdict_is_over_all_repeats_and_names_more_of_them_if_it_needs_more(tmp_path, dataset):
    spec = {**THRICE, "training": {"epochs": 20, "batch_size": 64}, "baselines": True}

    _, work, _ = attempt(tmp_path, spec, dataset)

    for task in result_of(work)["tasks"]:
        assert task["verdict"] in {"helped", "hurt", "neutral", "inconclusive"}
        assert task["repeats_to_decide"] is None or REPEATS < task["repeats_to_decide"] <= 20
