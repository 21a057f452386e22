"""Who this process is to others on the same machine, and whether one of those still lives."""

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KERNEL_COUNTS = (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events"))


@dataclass(frozen=True)
class Identity:
    """Where a claim was made. ``host`` names the process-id namespace too: container 7's process 1 is not ours."""

    host: str
    boot_id: str
    pid: int


def identity() -> Identity:
    """Return this process's identity."""
    namespace = Path("/proc/self/ns/pid")
    boot = Path("/proc/sys/kernel/random/boot_id")
    return Identity(
        host=f"{socket.gethostname()}/{namespace.readlink() if namespace.is_symlink() else 'pid'}",
        boot_id=boot.read_text().strip() if boot.exists() else "",
        pid=os.getpid(),
    )


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        # the state follows the command, which may hold anything but ends at the last bracket
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def boot_seconds() -> float:
    """Return the seconds since the machine booted, its sleep included: what a lease is measured by."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def out_of_memory_kills(files: Sequence[Path] = _KERNEL_COUNTS) -> int:
    """Return how often the kernel killed for memory since boot, on this machine or in this container's group."""
    counted = 0
    for file in files:
        if file.exists():
            lines = (line.split() for line in file.read_text().splitlines())
            counted += sum(int(value) for name, value in lines if name == "oom_kill")
    return counted
