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
    chosen = choose(device, gpus=torch.cuda.device_count())
    environment = {
        "version": version,
        "torch": torch.__version__.split("+")[0],
        "device": chosen.type,
        "threads": torch.get_num_threads(),
    }
    return chosen, environment


def choose(device: str, *, gpus: int) -> torch.device:
    """Return the device that ``device`` names on a machine with so many GPUs.

    Raises:
        LearningError: ``device-unavailable``.
    """
    if device == "auto":
        return torch.device("cuda" if gpus else "cpu")
    name, _, index = device.partition(":")
    # read from the text: torch keeps an index in eight bits, and 999 becomes another device there
    if name == "cuda" and int(index or 0) >= gpus:
        there = ", ".join(["cpu", *(f"cuda:{index}" for index in range(gpus))])
        raise LearningError(
            "device-unavailable", f"training.device: expected a device of this worker ({there}), found {device!r}"
        )
    return torch.device(device)
