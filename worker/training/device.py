"""Where and how exactly an attempt computes: device, threads, determinism."""

from typing import Any

import torch

from learning.errors import LearningError


def prepare_device(device: str, *, threads: int, version: str) -> tuple[torch.device, dict[str, Any]]:
    """Choose the device, fix the number of threads, and return both with the job's ``environment``.

    The same seed on the same device gives the same result: deterministic kernels only.

    Raises:
        LearningError: ``device-unavailable`` when the named device is not on this machine.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=False)
    chosen = _choose(device)
    environment = {
        "version": version,
        "torch": torch.__version__.split("+")[0],
        "device": chosen.type,
        "threads": torch.get_num_threads(),
    }
    return chosen, environment


def _choose(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    chosen = torch.device(device)
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise LearningError(
            "device-unavailable", f"training.device: expected a device of this worker (cpu), found {device!r}"
        )
    return chosen
