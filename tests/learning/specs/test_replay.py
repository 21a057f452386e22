"""What a replay trains is what was recorded, without what comes after the stored weights."""

import pytest

from learning.errors import SpecError
from learning.specs import REPLAYED, ReplayJob, parse_recorded, parse_spec
from learning.specs.kinds import KINDS

MULTITASK = {"kind": "multitask", "tasks": [{"name": "y", "dataset": "ds_1", "target": "y"}]}
TRANSFER = {"kind": "transfer", "source": "mdl_1", "task": {"name": "y", "dataset": "ds_1", "target": "y"}}
ENVIRONMENT: dict[str, str | int | float | bool | None] = {
    "version": "0.1.0",
    "torch": "2.13.0",
    "device": "cpu",
    "threads": 2,
}


def recorded(spec, **fields):
    record = parse_spec({**spec, **fields}).model_dump(mode="json")
    return ReplayJob(job="job_1", model="mdl_2", spec=record, environment=ENVIRONMENT)


@pytest.mark.parametrize("spec", [MULTITASK, TRANSFER], ids=lambda spec: spec["kind"])
def test_it_is_the_recorded_job_without_rivals(spec):
    replay = recorded(spec, seed=7, name="wine")
    assert replay.training() == parse_spec({**spec, "seed": 7, "name": "wine", "baselines": False})


def test_of_several_repeats_only_the_first_is_trained_again_in_its_share_of_the_time():
    training = {"epochs": 3, "max_seconds": 12.0}
    again = recorded(MULTITASK, repeats=4, training=training).training()
    assert (again.repeats, again.training.max_seconds, again.training.epochs) == (1, 3.0, 3)
    assert recorded(MULTITASK, training=training).training().training.max_seconds == 12.0
    folds = recorded(MULTITASK, repeats=4, training=training, split={"folds": 5}).training()
    assert folds.training.max_seconds == pytest.approx(12.0 / 21)


def test_it_is_stored_and_read_again_like_every_other_job():
    replay = recorded(MULTITASK)
    assert parse_recorded(replay.model_dump(mode="json")) == replay
    assert parse_recorded(MULTITASK) == parse_spec(MULTITASK)
    with pytest.raises(SpecError, match="model"):
        parse_recorded({"kind": "replay", "job": "job_1"})


def test_nobody_submits_one_and_every_other_training_has_one():
    with pytest.raises(SpecError, match="replay"):
        parse_spec({"kind": "replay", "job": "job_1"})
    assert {kind for kind, spec in KINDS.items() if "baselines" in spec().model_fields} >= REPLAYED
