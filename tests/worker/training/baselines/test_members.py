"""Which trainings run together."""

import pytest

from tests.worker.training.baselines.toy import job
from worker.training.baselines.members import chunks, member_seed


def planned(tasks, **limits):
    return chunks(tasks, **{"seeds": 2, "batch_size": 32, "parameters": 1000, "activations": 100, **limits})


def test_every_task_is_trained_under_every_seed_once():
    _, tasks = job([20, 200, 33, 70, 40])
    found = sorted((member.task, member.seed) for chunk in planned(tasks) for member in chunk)
    assert found == [(task, seed) for task in range(5) for seed in range(2)]


def test_a_chunk_holds_one_kind_of_output_and_one_number_of_batches():
    _, numbers = job([40, 60, 120])
    _, classes = job([40, 60, 120], kind="binary")
    tasks = [*numbers, *classes]
    for chunk in planned(tasks):
        assert len({(tasks[m.task].type, -(-len(tasks[m.task].train) // 32)) for m in chunk}) == 1


def test_a_chunk_is_not_mostly_padding():
    _, tasks = job([10, 11, 12, 30, 33, 50, 52])
    for chunk in planned(tasks):
        rows = [len(tasks[member.task].train) for member in chunk]
        assert min(rows) >= 0.75 * max(rows)


@pytest.mark.parametrize("limits", [{"parameters": 700_000}, {"activations": 200_000}])
def test_large_networks_run_in_small_chunks(limits):
    _, tasks = job([50] * 10)
    assert max(map(len, planned(tasks, **limits))) <= 2


def test_a_network_that_fits_nowhere_runs_by_itself():
    _, tasks = job([50] * 2)
    assert [len(chunk) for chunk in planned(tasks, parameters=10**9)] == [1] * 4


def test_a_seed_depends_on_the_job_the_repeat_and_the_task_alone():
    seeds = [member_seed(*of) for of in ((0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b"))]
    assert len(set(seeds)) == 4
    assert member_seed(0, 0, "a") == seeds[0]
