import pytest

from worker.training.result import sentence, transferred


def entry(gain, verdict, **baselines):
    return {
        "name": "digit",
        "metric": "accuracy",
        "test": {"accuracy": 0.9},
        "baselines": {name: {"accuracy": value} for name, value in baselines.items()},
        "gains": {"single_task": gain, "one_model": None, "best": gain},
        "verdict": verdict,
    }


def test_the_same_network_alone_is_the_same_network_from_scratch():
    told = transferred(entry(0.5, "helped", trivial=0.2, single_task=0.8))
    assert told["baselines"] == {"trivial": {"accuracy": 0.2}, "from_scratch": {"accuracy": 0.8}}
    assert told["gains"] == {"from_scratch": 0.5, "best": 0.5}


@pytest.mark.parametrize(
    ("gain", "verdict", "alone", "said"),
    [
        (0.5, "helped", 0.8, "Transfer helped: the loss is 50% lower than from scratch. No rival is better"),
        (
            -1.0,
            "hurt",
            0.95,
            "Transfer hurt: the loss is 100% higher than from scratch. Training from scratch is better",
        ),
        (0.001, "neutral", 0.9, "Transfer made no difference: the loss is 0% lower"),
        (0.1, "inconclusive", 0.89, "Whether transfer helped is inconclusive: the loss is 10% lower"),
        (None, None, 0.8, "The task could not be judged"),
    ],
)
def test_the_verdict_is_a_sentence(gain, verdict, alone, said):
    assert sentence(transferred(entry(gain, verdict, single_task=alone))).startswith(said)
