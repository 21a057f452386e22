"""What listed tasks are called."""

import unicodedata
from collections.abc import Sequence

from learning.planning.findings import Findings
from learning.specs.parts import MAX_NAME_BYTES, TaskSpec, unseen


def task_names(specs: Sequence[TaskSpec], findings: Findings) -> list[str]:
    """A name for each task: the user's, else the target's, numbered where it is taken. Two equal ones are a problem."""
    taken: dict[str, int] = {}
    for index, spec in enumerate(specs):
        if spec.name is None:
            continue
        if spec.name in taken:
            detail = f"expected names that differ, found {spec.name!r} at /tasks/{taken[spec.name]} too"
            findings.problem(f"/tasks/{index}/name", "duplicate-task", detail)
        taken.setdefault(spec.name, index)
    return [spec.name or _free_name(spec, index, taken) for index, spec in enumerate(specs)]


def _free_name(spec: TaskSpec, index: int, taken: dict[str, int]) -> str:
    base = _sayable(spec.target) or "task"
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken[name] = index
    return name


def _sayable(column: str) -> str:
    """A column's name as a task's name may be: no slash, nothing unseen, and room for a number behind it."""
    text = unicodedata.normalize("NFC", column).replace("/", "_").replace("\\", "_")
    seen = "".join(character for character in text if not unseen(character))
    text = seen.encode("utf-8", "ignore")[: MAX_NAME_BYTES - 10].decode("utf-8", "ignore").strip()
    return "" if text in {".", ".."} else text
