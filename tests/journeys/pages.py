"""Run the code blocks of a page as its reader would: in one script, in an empty folder, against a running service."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> str:
    """All blocks in one language, in order, as one script."""
    return "\n".join(text for tag, text in BLOCK.findall(page.read_text(encoding="utf-8")) if tag == language)


def run(command: list[str], *, folder: Path, variables: Mapping[str, str], seconds: float) -> str:
    """What it prints; its output is the message when it fails."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**keep, **variables},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def run_python(page: Path, *, folder: Path, variables: Mapping[str, str], seconds: float = 240) -> str:
    script = folder / "page.py"
    script.write_text(blocks(page, "python"), encoding="utf-8")
    # warnings are errors for a reader's code too
    return run([sys.executable, "-W", "error", str(script)], folder=folder, variables=variables, seconds=seconds)


def run_shell(page: Path, *, folder: Path, variables: Mapping[str, str], seconds: float = 240) -> str:
    script = folder / "page.sh"
    script.write_text("set -euo pipefail\n" + blocks(page, "sh"), encoding="utf-8")
    return run(["bash", str(script)], folder=folder, variables=variables, seconds=seconds)
