import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from worker.training import checkpoint
from worker.training.checkpoint import Checkpoint, TrainingState

CPU = torch.device("cpu")


def _trained(steps) -> tuple[nn.Linear, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    _steps(model, optimizer, steps)
    return model, optimizer


def _steps(model, optimizer, steps):
    for step in range(steps):
        optimizer.zero_grad()
        model(torch.full((4, 3), float(step + 1))).square().sum().backward()
        optimizer.step()


def _checkpoint(model, optimizer, step=7):
    weights = model.state_dict()
    best = {name: tensor.clone() for name, tensor in weights.items()}
    return Checkpoint(TrainingState(epoch=3, step=step), weights, best, checkpoint.optimizer_tensors(optimizer), {})


def test_a_restored_optimizer_takes_the_same_steps_bit_for_bit(tmp_path):
    model, optimizer = _trained(5)
    path, _ = checkpoint.save(_checkpoint(model, optimizer), tmp_path, attempt=1)

    again, its_optimizer = _trained(0)
    found = checkpoint.load_newest([str(path)], device=CPU)
    assert found is not None
    checkpoint.restore(found, again, its_optimizer, nn.Identity())
    _steps(model, optimizer, 5)
    _steps(again, its_optimizer, 5)

    assert torch.equal(model.weight, again.weight)
    assert torch.equal(model.bias, again.bias)


def test_the_state_comes_back_as_it_was(tmp_path):
    state = TrainingState(epoch=4, step=99, best_epoch=2, best_loss=float("inf"), elapsed_seconds=1.25, finished=True)
    written = replace(_checkpoint(*_trained(1)), state=state)

    path, sha256 = checkpoint.save(written, tmp_path, attempt=2)

    found = checkpoint.load_newest([str(path)], device=CPU)
    assert found is not None
    assert found.state == state
    assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_two_checkpoints_are_kept_and_no_temporary_file(tmp_path):
    trained = _trained(1)

    for step in range(1, 6):
        checkpoint.save(_checkpoint(*trained, step=step), tmp_path, attempt=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint-000001-000000000004.safetensors",
        "checkpoint-000001-000000000005.safetensors",
    ]


def test_an_attempt_that_began_anew_keeps_its_own_checkpoints(tmp_path):
    trained = _trained(1)
    for step in (80, 100):
        _damage(checkpoint.save(_checkpoint(*trained, step=step), tmp_path, attempt=9)[0], "torn")

    path, _ = checkpoint.save(_checkpoint(*trained, step=10), tmp_path, attempt=10)

    assert checkpoint.load_newest([str(path)], device=CPU) is not None


@pytest.mark.parametrize("damage", ["empty", "torn", "garbage", "missing"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_it(tmp_path, damage):
    trained = _trained(1)
    older, _ = checkpoint.save(_checkpoint(*trained, step=1), tmp_path, attempt=1)
    newer, _ = checkpoint.save(_checkpoint(*trained, step=2), tmp_path, attempt=1)
    _damage(newer, damage)

    found = checkpoint.load_newest([str(newer), str(older)], device=CPU)

    assert found is not None
    assert found.state.step == 1


def test_without_a_readable_checkpoint_training_starts_anew(tmp_path):
    assert checkpoint.load_newest([str(tmp_path / "none.safetensors")], device=CPU) is None


def test_checkpoints_are_five_seconds_apart():
    assert not checkpoint.due(4.9)
    assert checkpoint.due(5.0)


def _damage(path: Path, damage: str) -> None:
    body = path.read_bytes()
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "torn":
            path.write_bytes(body[: len(body) // 2])
        case "garbage":
            path.write_bytes(bytes(reversed(body)))
        case "missing":
            path.unlink()
