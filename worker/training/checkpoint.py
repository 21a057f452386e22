"""Everything a resumed attempt needs, in one safetensors file, and nothing random in it.

Randomness is a function of (seed, epoch), see `batches.epoch_seed`, so a checkpoint at an epoch's end holds no
generator state, and the resumed run equals the uninterrupted one bit for bit on the same CPU.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

SECONDS_APART = 5.0
_KEPT = 2
_PARTS = ("model", "best", "optimizer", "balancer", "left")


@dataclass(frozen=True)
class TrainingState:
    """How far training has come, counted in whole epochs.

    Steps and seconds are those of all repeats so far, epochs this repeat's own. began_seconds: when it began. longest: the
    most epochs of a repeat before it. out_of_time: whether ``max_seconds`` ended this one or one before it.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = -1
    best_loss: float = float("inf")
    elapsed_seconds: float = 0.0
    finished: bool = False
    repeat: int = 0
    began_seconds: float = 0.0
    longest: int = 0
    out_of_time: bool = False

    @property
    def has_best(self) -> bool:
        """Whether there is a best model: none before the first epoch's (of a meta-training, validation's) end."""
        return bool(self.repeat or self.epoch)


@dataclass(frozen=True)
class Checkpoint:
    """A state with the tensors that go with it, by name; ``left``: what the repeats before this one left."""

    state: TrainingState
    model: Mapping[str, Tensor]
    best: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    balancer: Mapping[str, Tensor]
    left: Mapping[str, Tensor] = field(default_factory=dict)


def due(seconds_since_last: float) -> bool:
    """Tell whether an epoch's end is the time for a checkpoint (at least 5 s apart)."""
    return seconds_since_last >= SECONDS_APART


def save(checkpoint: Checkpoint, folder: Path, *, attempt: int) -> tuple[Path, str]:
    """Write durably (temporary name, fsync, rename, fsync of the folder), keep the last two, return path and sha256."""
    folder.mkdir(parents=True, exist_ok=True)
    # the attempt first: where one began again behind a damaged checkpoint, its own are still the newest
    path = folder / f"checkpoint-{attempt:06d}-{checkpoint.state.step:012d}.safetensors"
    temporary = path.with_suffix(".tmp")
    tensors = {
        f"{part}/{name}": tensor.detach().cpu().contiguous()
        for part in _PARTS
        for name, tensor in getattr(checkpoint, part).items()
    }
    save_file(tensors, temporary, metadata={"state": json.dumps(asdict(checkpoint.state))})
    with temporary.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(folder)
    for old in sorted(folder.glob("checkpoint-*.safetensors"))[:-_KEPT]:
        old.unlink(missing_ok=True)
    return path, sha256


def load_newest(paths: Sequence[str], *, device: torch.device) -> Checkpoint | None:
    """Return the first of ``paths`` (newest first) that can be read whole, or None: then training starts anew."""
    for path in paths:
        try:
            return _load(Path(path), device)
        except (OSError, SafetensorError, ValueError, TypeError, KeyError):
            continue  # a torn or foreign file: the one before it is as good
    return None


def _load(path: Path, device: torch.device) -> Checkpoint:
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    with safe_open(path, framework="pt", device=str(device)) as file:
        state = TrainingState(**json.loads(file.metadata()["state"]))
        for key in file.keys():  # noqa: SIM118 (not a mapping)
            part, name = key.split("/", 1)
            parts[part][name] = file.get_tensor(key)
    return Checkpoint(state, **parts)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten the optimizer's state to ``{"<parameter>/<entry>": tensor}``; its settings come from the spec."""
    state: Mapping[int, Mapping[str, Tensor]] = optimizer.state_dict()["state"]
    return {f"{i}/{key}": value for i, entries in state.items() for key, value in entries.items() if value is not None}


def restore(checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, balancer: nn.Module) -> None:
    """Put the weights, what the balancing method learned and the optimizer's moments back, exactly as they were."""
    model.load_state_dict(dict(checkpoint.model))
    balancer.load_state_dict(dict(checkpoint.balancer))
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in checkpoint.optimizer.items():
        parameter, key = name.split("/", 1)
        state.setdefault(int(parameter), {})[key] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
