"""Reads a model file of unknown origin in a process of its own, which has its limits and no secret, and ends with it."""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from learning.adapting import is_adaptable
from learning.admission import admit
from learning.model import ModelFileInvalid

ROOT = Path(__file__).parents[2]
CPU_SECONDS = 120
WALL_SECONDS = 300
# loading, compiling and comparing hold a few copies of the weights; a header's objects are larger than its text
MEMORY_BYTES = 2 << 30
MEMORY_PER_BYTE = 8
ANSWER_BYTES = 128 << 20
READY = b"."
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(ROOT),
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
_UNREADABLE = "expected a model that can be read, found a file that ends or outlasts its reader"


def examine(path: Path) -> dict[str, Any]:
    """What the models list shows of the file, with its ``name``.

    Raises:
        ModelFileInvalid: it is no sound model, or takes more time or memory than a file of its size may.
        ChildProcessError: the reader could not be started.
    """
    command = [sys.executable, "-P", "-m", "app.models.examiner", str(path)]
    with tempfile.TemporaryFile() as told:  # a file, unlike a pipe, is bounded by the reader's own limits
        try:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.DEVNULL,
                timeout=WALL_SECONDS,
                env=_ENVIRONMENT,
                cwd="/",
            )
        except subprocess.TimeoutExpired:
            raise ModelFileInvalid(_UNREADABLE) from None
        told.seek(0)
        if told.read(len(READY)) != READY:
            raise ChildProcessError("expected the reader of models to start, found it ended")
        if done.returncode != 0:
            raise ModelFileInvalid(_UNREADABLE)
        answer: dict[str, Any] = json.loads(told.read())
    if "refused" in answer:
        raise ModelFileInvalid(answer["refused"])
    return answer


def main(path: Path) -> None:
    """The process: its answer is one JSON object on standard output."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    _confine(path.stat().st_size)
    try:
        header = admit(path)
        answer = {"name": header.name, **header.public(), "adaptable": is_adaptable(header)}
    except ModelFileInvalid as error:
        answer = {"refused": error.detail}
    sys.stdout.buffer.write(json.dumps(answer, allow_nan=False).encode())


def _confine(size: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + MEMORY_BYTES + MEMORY_PER_BYTE * size
    for what, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, ANSWER_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
