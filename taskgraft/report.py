"""A job on a terminal: its progress while it runs, its verdicts when it has ended."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from taskgraft.client import Taskgraft
from taskgraft.errors import Document

_COLOURS = {"helped": "green", "hurt": "red", "neutral": "cyan", "inconclusive": "yellow"}
_MOST_ROWS = 50
# The rivals in the order they are shown: their key in the result, and their heading.
_RIVALS = (
    ("single_task", "alone"),
    ("linear", "linear"),
    ("boosted_trees", "trees"),
    ("one_model_linear", "pooled linear"),
    ("one_model_trees", "pooled trees"),
    ("trivial", "trivial"),
)


def follow(service: Taskgraft, job: Document, *, console: Console) -> Document:
    """Show a live progress bar until the job ends; → the succeeded job.

    Raises:
        JobFailed: it failed or was cancelled.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, TextColumn("{task.fields[detail]}"), console=console) as bar:
        shown = bar.add_task(_title(job), total=1.0, detail=job["status"])

        def update(current: Document) -> None:
            bar.update(shown, completed=current["progress"]["fraction"], detail=_detail(current))

        done = service.result(job["id"], on_change=update)
        bar.update(shown, completed=1.0, detail="succeeded")
    return done


def show(job: Document, *, console: Console) -> None:
    """The summary, and a row for each task with its rivals beside it."""
    result = job["result"]
    heads = ["task", "metric", "shared", *(head for _, head in _RIVALS), "gain over alone", "95 % interval", "verdict"]
    table = Table(*heads, title=f"{_title(job)}: the shared model beside its rivals, on rows that none of them saw")
    tasks = list(result["tasks"].items())
    for name, task in tasks[:_MOST_ROWS]:
        table.add_row(escape(name), task["metric"], *_cells(task))
    console.print(table)
    if len(tasks) > _MOST_ROWS:
        console.print(f"… and {len(tasks) - _MOST_ROWS} more tasks")
    console.print(result["summary"], markup=False)


def _cells(task: Document) -> Iterator[str]:
    metric, baselines = task["metric"], task.get("baselines") or {}
    yield _number(task["test"].get(metric))
    yield from (_number((baselines.get(key) or {}).get(metric)) for key, _ in _RIVALS)
    gain, interval, verdict = (task.get("gains") or {}).get("single_task"), task.get("interval"), task.get("verdict")
    yield "–" if gain is None else f"{gain:+.1%}"
    yield "–" if interval is None else f"{interval[0]:+.1%} … {interval[1]:+.1%}"
    yield "–" if verdict is None else f"[{_COLOURS[verdict]}]{verdict}[/]"


def _title(job: Document) -> str:
    """Its name as it was given: brackets in it are no markup."""
    return escape(job["name"] or job["id"])


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:.4g}"


def _detail(job: Document) -> str:
    progress = job["progress"]
    if job["status"] != "running":
        return str(job["status"])
    epoch = (
        f" epoch {progress['epoch']}/{progress['epochs']}" if progress.get("epochs") and progress.get("epoch") else ""
    )
    eta = f", {progress['eta_seconds']:.0f} s left" if progress.get("eta_seconds") else ""
    return f"{progress.get('phase') or 'starting'}{epoch}{eta}"
