"""A model card as Markdown. Whatever a user has named stands in code spans and blocks; there are no links."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from app.cards.escape import block, code, word
from app.cards.limits import judged_against
from app.cards.schemas import CardTask, ModelCard
from app.models.schemas import Model

SHOWN = 100
"""Most inputs or aliases that the page lists."""


def markdown(card: ModelCard) -> str:
    """The page."""
    model = card.model
    lines = [f"# Model card: {code(model.name or model.id)}", "", _what(card), "", *_identity(card)]
    lines += ["", "## Tasks", "", *_tasks(card)]
    lines += ["## Data", "", *(_data(card) or ["None on record."])]
    lines += ["", "## Inputs", "", *_listed([_input(column) for column in model.inputs])]
    if card.job is not None:
        lines += ["", "## Spec", "", block(card.job.spec), "", "## Environment", ""]
        lines += _pairs(card.job.environment) or ["None on record."]
        if card.job.warnings:
            lines += ["", "## Warnings of the check", ""]
            lines += [f"* {code(one.code)}: {code(one.detail)}" for one in card.job.warnings]
    lines += ["", "## Limits", "", *(f"* {sentence}" for sentence in card.limits)]
    return "\n".join(lines) + "\n"


def _what(card: ModelCard) -> str:
    model = card.model
    count = f"{card.tasks_total} task" + ("" if card.tasks_total == 1 else "s")
    made = "imported from another installation" if model.imported else f"made on {_day(model.created_at)}"
    method = ", ".join(f"{word(name)} {code(of)}" for name, of in _method(model))
    return f"A model of kind {code(model.kind)} for {count}, {made}. It has the {method}."


def _method(model: Model) -> Iterator[tuple[str, str]]:
    """The names of the network and of the methods, each with what it is."""
    yield "network", str(model.network.get("name", "unknown"))
    for what, spec in model.method.items():
        if isinstance(spec, Mapping) and "name" in spec:
            yield what, str(spec["name"])
        elif what == "name":
            yield "method", str(spec)


def _identity(card: ModelCard) -> list[str]:
    model = card.model
    lines = [f"* id: {code(model.id)}"]
    if model.aliases:
        lines.append(f"* aliases: {', '.join(code(alias) for alias in model.aliases[:SHOWN])}")
    if model.parents:
        lines.append(f"* made from: {', '.join(code(parent) for parent in model.parents)}")
    if card.job is not None:
        lines.append(f"* job: {code(card.job.id)}, {card.job.status}")
    return [*lines, f"* file: {model.bytes} bytes of safetensors, sha256 {code(model.sha256)}"]


def _tasks(card: ModelCard) -> Iterator[str]:
    if card.counts:
        judged = ", ".join(f"{word(verdict)} {count}" for verdict, count in card.counts.items())
        yield f"Verdicts against {judged_against(card.model.kind)}: {judged}."
        yield ""
    for one in card.tasks:
        yield f"### {code(one.task.name)}"
        yield ""
        yield from _task(one)
        yield ""
    if card.tasks_total > len(card.tasks):
        yield f"And {card.tasks_total - len(card.tasks)} more."
        yield ""


def _task(one: CardTask) -> Iterator[str]:
    classes = getattr(one.task, "classes", None)
    named = f" of {len(classes)} classes: {', '.join(map(code, classes[:SHOWN]))}" if classes else ""
    yield f"* {one.task.type}{named}"
    result = one.result or {}
    rows = result.get("rows")
    if rows:
        yield f"* rows: {', '.join(f'{word(part)} {count}' for part, count in rows.items())}"
    metrics = result.get("test") or one.task.metrics
    if metrics:
        yield f"* on the test rows: {_figures(metrics)}"
    for rival, figures in (result.get("baselines") or {}).items():
        yield f"* rival {code(rival)}: {_figures(figures)}"
    gains = {name: gain for name, gain in (result.get("gains") or {}).items() if gain is not None}
    if gains:
        yield f"* gains over: {', '.join(f'{word(name)} {gain:+.1%}' for name, gain in gains.items())}"
    if result:
        interval = result.get("interval")
        within = f", 95 % interval of the gain {interval[0]:+.1%} to {interval[1]:+.1%}" if interval else ""
        yield f"* verdict: {result.get('verdict') or 'none'}{within}"


def _figures(figures: Mapping[str, float | None]) -> str:
    return ", ".join(f"{word(name)} {'none' if value is None else f'{value:.4g}'}" for name, value in figures.items())


def _data(card: ModelCard) -> list[str]:
    return [
        f"* {code(one.id)}" + (f" {code(one.name)}" if one.name else "") + f": {one.rows} rows, "
        f"sha256 {code(one.sha256)}" + (", deleted" if one.deleted else "")
        for one in card.data
    ]


def _input(column: Any) -> str:
    if column.type == "image":
        return f"* {code(column.name)}: image of {column.height} × {column.width} pixels, channels: {column.channels}"
    values = getattr(column, "values", None)
    return f"* {code(column.name)}: {column.type}" + (f" of {len(values)} values" if values else "")


def _listed(lines: Sequence[str]) -> list[str]:
    more = [f"* and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return [*lines[:SHOWN], *more]


def _pairs(values: Mapping[str, Any] | None) -> list[str]:
    return [f"* {word(name)}: {code(value)}" for name, value in (values or {}).items()]


def _day(at: datetime) -> str:
    return at.date().isoformat()
