"""What the acceptance runs share: where their data is, and means with their 95 % intervals (the others have medians)."""

import os
import statistics
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from benchmarks.harness import Figure
from taskgraft import Taskgraft


def data(name: str) -> Path | None:
    """The file of that name in the folder ``TASKGRAFT_DATA``; None, and a printed line, where no folder is named.

    Raises:
        FileNotFoundError: the folder has no such file.
    """
    folder = os.environ.get("TASKGRAFT_DATA")
    if not folder:
        print(f"  left out: needs TASKGRAFT_DATA, a folder with {name}")
        return None
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(f"expected {name} in {folder}, found none")
    return path


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file, none of them pickled (D6 bans the function that could unpickle)."""
    with zipfile.ZipFile(path) as members:
        found = {}
        for name in members.namelist():
            with members.open(name) as member:
                found[name.removesuffix(".npy")] = npy.read_array(member, allow_pickle=False)
    return found


def mean(
    what: str, values: Sequence[float], *, most: float | None = None, least: float | None = None, unit: str = ""
) -> Figure:
    """A figure from one value each of two splits, seeds or tasks and more: the mean, and its interval 1.96 s / √n to both sides."""
    reach = 1.96 * statistics.stdev(values) / len(values) ** 0.5
    return known(what, statistics.fmean(values), reach, most=most, least=least, unit=unit)


def known(
    what: str,
    value: float,
    reach: float,
    *,
    most: float | None = None,
    least: float | None = None,
    unit: str = "",
) -> Figure:
    """A figure whose interval the service told: it reaches ``reach`` to both sides."""
    bound = f"≤ {most:g}" if most is not None else f"≥ {least:g}" if least is not None else ""
    met = (most is None or value <= most) and (least is None or value >= least)
    return Figure(what, unit, value, value - reach, value + reach, bound, met if bound else None)


def trained(client: Taskgraft, spec: dict[str, Any], *, told: Callable[[str], None] = print) -> dict[str, Any]:
    """The finished job, with its result."""
    done = client.result(client.submit(spec)["id"])
    told(f"  {spec.get('name', spec['kind'])}: {done['result']['seconds']['training']:.0f} s of training")
    return done
