"""What all benchmarks share: sides that take turns, medians with their spread, and a record that says where it was made."""

import importlib.metadata
import json
import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("taskgraft", "torch", "numpy", "scikit-learn", "pyarrow", "fastapi", "uvicorn", "celery", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the README's table: a median with quartiles, beside what was to be reached."""

    what: str
    unit: str
    median: float
    low: float
    high: float
    reach: str
    met: bool | None
    """None where nothing was to be reached: the figure explains another one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One benchmark's answer. ``samples`` are raw, in the order in which they were taken, by side."""

    name: str
    question: str
    figures: Sequence[Figure]
    samples: Mapping[str, Sequence[float]]
    notes: Sequence[str] = field(default_factory=tuple)


def take_turns(sides: Mapping[str, Callable[[], float]], *, rounds: int, warmups: int = 1) -> dict[str, list[float]]:
    """Samples by side. The sides alternate, in reverse order every second round: what disturbs the machine disturbs both."""
    for _ in range(warmups):
        for side in sides.values():
            side()
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        for name in list(sides)[:: 1 if turn % 2 == 0 else -1]:
            samples[name].append(sides[name]())
        print(
            f"  round {turn + 1}/{rounds}: " + ", ".join(f"{name} {values[-1]:.4g}" for name, values in samples.items())
        )
    return samples


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """``above / below``, round by round: a slow minute then falls on both."""
    return [first / second for first, second in zip(above, below, strict=True)]


def figure(
    what: str, values: Sequence[float], *, most: float | None = None, least: float | None = None, unit: str = "×"
) -> Figure:
    """A figure from samples, and whether its median keeps to ``most``, ``least``, or both."""
    median = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (median, median, median)
    met = (most is None or median <= most) and (least is None or median >= least)
    if most is None and least is None:
        return Figure(what, unit, median, low, high, "", None)
    bounds = [f"≥ {least:g}" if least is not None else "", f"≤ {most:g}" if most is not None else ""]
    return Figure(what, unit, median, low, high, " and ".join(bound for bound in bounds if bound), met)


def write(record: Record) -> None:
    """Print the figures; keep them with the raw samples, the machine and the versions."""
    for line in record.figures:
        print(f"{record.name} {line.what}: {shown(line)}{judged(line)}")
    for note in record.notes:
        print(f"  note: {note}")
    document = asdict(record) | {
        "machine": machine(),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{record.name}.json"
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"  written to {path.relative_to(RESULTS.parents[1])}")


def shown(line: Figure) -> str:
    """``1.07 [1.05, 1.10] ×``."""
    return f"{line.median:.3g} [{line.low:.3g}, {line.high:.3g}] {line.unit}"


def judged(line: Figure) -> str:
    """What was to be reached, and whether it was; nothing for a figure that only explains."""
    return "" if line.met is None else f"; to reach {line.reach} {line.unit}: {'reached' if line.met else 'MISSED'}"


def machine() -> dict[str, Any]:
    """What a reader needs to judge a figure; nothing that names the machine."""
    cpus = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": cpus[0] if cpus else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load_at_end": round(os.getloadavg()[0], 2),
    }
