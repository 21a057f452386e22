import pytest
import torch

from learning.errors import LearningError
from tests.worker.training import tables
from tests.worker.training.assignment import attempt
from tests.worker.training.test_multitask import TWO_TARGETS
from worker.training.device import choose


@pytest.mark.parametrize(
    ("device", "gpus", "chosen"),
    [("auto", 0, "cpu"), ("auto", 2, "cuda"), ("cpu", 2, "cpu"), ("cuda", 1, "cuda"), ("cuda:1", 2, "cuda:1")],
)
def test_the_named_device_is_taken_where_it_is_there(device, gpus, chosen):
    assert choose(device, gpus=gpus) == torch.device(chosen)


@pytest.mark.parametrize(
    ("device", "gpus", "there"),
    [("cuda", 0, r"\(cpu\)"), ("cuda:7", 1, r"\(cpu, cuda:0\)"), ("cuda:256", 1, r"\(cpu, cuda:0\)")],
)
def test_a_device_that_is_not_there_is_refused_with_those_that_are(device, gpus, there):
    with pytest.raises(LearningError, match=there) as refused:
        choose(device, gpus=gpus)

    assert refused.value.code == "device-unavailable"


def test_an_attempt_on_a_device_that_this_machine_lacks_fails_with_its_code(tmp_path):
    spec = {**TWO_TARGETS, "training": {"device": "cuda:999"}}

    ended, _, _ = attempt(tmp_path, spec, tables.two_targets(tmp_path / "two.parquet"))

    assert ended["outcome"] == "failed"
    assert ended["error"]["code"] == "device-unavailable"
    assert ended["error"]["category"] == "user"
