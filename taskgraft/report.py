"""A job on a terminal: its progress while it runs, its verdicts when it has ended."""

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from taskgraft.client import Taskgraft
from taskgraft.errors import Document

_COLOURS = {"helped": "green", "hurt": "red", "neutral": "cyan", "inconclusive": "yellow"}
_MOST_ROWS = 50
# The rivals in the order they are shown: a heading, and the keys of one or two of them, below each other in a cell.
_RIVALS = (
    ("alone", ("single_task",)),
    ("linear\npooled", ("linear", "one_model_linear")),
    ("trees\npooled", ("boosted_trees", "one_model_trees")),
    ("trivial", ("trivial",)),
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
    """What a job found: of a training the summary, and a row for each task with its rivals beside it."""
    result = job["result"]
    if job["kind"] == "predict":
        console.print(f"{result['rows']} rows answered in {result['seconds']['total']:.3g} s: {job['dataset']}")
        _warn(result, console)
        return
    if job["kind"] == "replay":
        difference = result["max_abs_difference"]
        apart = "its tensors are others" if difference is None else f"weights differ by up to {difference:.3g}"
        console.print("reproduced bit for bit" if result["reproduced"] else f"not reproduced: {apart}")
        _warn(result, console)
        return
    if job["kind"] == "evaluate":
        _show_evaluation(job, console)
        return
    if job["kind"] == "meta":
        _show_protocols(job, console)
        return
    table = Table(
        title=f"{_title(job)}: the shared model beside its rivals, on rows that none of them saw",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("task", overflow="fold", min_width=14)
    for head in ("shared", *(head for head, _ in _RIVALS)):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("gain over\nalone", no_wrap=True)
    tasks = list(result["tasks"].items())
    for name, task in tasks[:_MOST_ROWS]:
        table.add_row(f"{escape(name)}\n[dim]{task['metric']}[/]", *_cells(task), end_section=True)
    console.print(table)
    if len(tasks) > _MOST_ROWS:
        console.print(f"… and {len(tasks) - _MOST_ROWS} more tasks")
    console.print(result["summary"], markup=False)


def _show_protocols(job: Document, console: Console) -> None:
    """A row for each protocol of a meta-learning: adapted to tasks that it never saw, beside what needs no meta-learning."""
    table = Table(
        title=f"{_title(job)}: tasks that training never saw, mean ± 95 % over episodes",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    table.add_column("protocol", overflow="fold")
    for head in ("adapted", "not\nadapted", "simple", "from\nscratch"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("gain over\nscratch", no_wrap=True)
    for name, task in job["result"]["tasks"].items():
        metric, baselines = task["metric"], task["baselines"]
        simple = baselines.get("ridge") or baselines.get("nearest_centroid")
        own, margin = _number(task["test"][metric]), task["margin"][metric]
        own += "" if margin is None else f" ± {_number(margin)}"
        others = (baselines.get("no_adaptation"), simple, baselines.get("from_scratch"))
        figures = [_number((other or {}).get(metric)) for other in others]
        table.add_row(f"{escape(name)}\n[dim]{metric}[/]", own, *figures, _comparison(task), end_section=True)
    console.print(table)
    console.print(job["result"]["summary"], markup=False)


def _show_evaluation(job: Document, console: Console) -> None:
    """A row for each task and model: its metric, and how much better it is than each model before it."""
    result = job["result"]
    table = Table(title=f"{_title(job)}: {result['rows']} rows, answers in {job['dataset']}", box=SIMPLE_HEAD)
    for head in ("task", "model", "metric", "value", "gain over those before it"):
        table.add_column(head, overflow="fold")
    tasks = list((result.get("tasks") or {}).items())
    for name, task in tasks[:_MOST_ROWS]:
        for place, (model, metrics) in enumerate(task["models"].items()):
            gains = [_difference(one) for one in task["differences"] if one["model"] == model]
            first = escape(name) if place == 0 else ""
            table.add_row(first, model, task["metric"], _number(metrics.get(task["metric"])), "\n".join(gains))
    console.print(table)
    if len(tasks) > _MOST_ROWS or "tasks" not in result:
        console.print("… and more tasks: see the job's tasks")
    _warn(result, console)


def _difference(one: Document) -> str:
    if one["interval"] is None:
        return "–"
    low, high = one["interval"]
    return f"{one['gain']:+.1%} \\[{low:+.1%}, {high:+.1%}] over {one['against']}"


def _warn(result: Document, console: Console) -> None:
    for warning in result["warnings"]:
        console.print(f"{warning['code']}: {warning['detail']}", style="yellow", markup=False)


def _cells(task: Document) -> Iterator[str]:
    metric, baselines = task["metric"], dict(task.get("baselines") or {})
    baselines.setdefault("single_task", baselines.get("from_scratch"))  # alone, for a transfer, is from scratch
    yield _number(task["test"].get(metric))
    for _, keys in _RIVALS:
        yield "\n".join(_number((baselines.get(key) or {}).get(metric)) for key in keys)
    yield _comparison(task)


def _comparison(task: Document) -> str:
    """Gain, interval and verdict below each other: the table fits a terminal of 80 columns."""
    gains, interval, verdict = task.get("gains") or {}, task.get("interval"), task.get("verdict")
    gain = gains.get("single_task", gains.get("from_scratch"))
    lines = [
        "–" if gain is None else f"{gain:+.0%}",
        "" if interval is None else f"\n\\[{interval[0]:+.0%}, {interval[1]:+.0%}]",
        "" if verdict is None else f"\n[{_COLOURS[verdict]}]{verdict}[/]",
    ]
    return "".join(lines)


def _title(job: Document) -> str:
    """Its name as it was given: brackets in it are no markup."""
    return escape(job["name"] or job["id"])


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _detail(job: Document) -> str:
    progress = job["progress"]
    if job["status"] != "running":
        return str(job["status"])
    epoch = (
        f" epoch {progress['epoch']}/{progress['epochs']}" if progress.get("epochs") and progress.get("epoch") else ""
    )
    eta = f", {progress['eta_seconds']:.0f} s left" if progress.get("eta_seconds") else ""
    return f"{progress.get('phase') or 'starting'}{epoch}{eta}"
